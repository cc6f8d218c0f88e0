# lastout completions fish > ~/.config/fish/completions/lastout.fish
function __lastout_words
    set -l typed (commandline -opc)
    $typed[1] complete-words $typed[2..-1] (commandline -ct) 2>/dev/null
end
complete -c lastout -a '(__lastout_words)'
