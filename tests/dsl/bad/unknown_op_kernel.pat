use "../good/prelude.pat"
kernel nag { ref }
