autocmd BufNewFile,BufRead *.pat setfiletype solder
