# ironroof.fish -- completions of ironroof for fish: the program itself says what may follow.
function __ironroof_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = ":files"
            set -l option (string match -r -- '^--[^=]*=' "$current")
            for path in (__fish_complete_path (string replace -- "$option" "" "$current"))
                echo "$option$path"
            end
        else
            echo $line
        end
    end
end
complete -c ironroof -f -a '(__ironroof_complete)'
