use "missing.pat"
phase a
