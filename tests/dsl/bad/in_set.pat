use "../good/prelude.pat"
kernel norm { cpu when H in 8; ref }
