use "../good/prelude.pat"
kernel neg { cuda; ref }
