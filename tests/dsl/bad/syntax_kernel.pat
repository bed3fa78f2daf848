use "../good/prelude.pat"
kernel neg { when 1 == 1; ref }
