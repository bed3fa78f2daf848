/* ONNX's numbering of element types. */
#ifndef SLD_ONNX_TYPES_H
#define SLD_ONNX_TYPES_H

#include "onnx.pb-c.h"
#include "import_common.h"

#endif
