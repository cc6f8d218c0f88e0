# lastout completions fish > ~/.config/fish/completions/lastout.fish
function __lastout_words
    set -l typed (commandline -opc)
    set -l words ($typed[1] complete-words $typed[2..-1] (commandline -ct) 2>/dev/null)
    # A file only where there is no word.
    if set -q words[1]
        printf '%s\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c lastout -f -a '(__lastout_words)'
