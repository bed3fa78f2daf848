use "../good/prelude.pat"
kernel neg { cpu }
kernel neg { ref }
