#compdef ironroof
# _ironroof -- completions of ironroof for zsh: the program itself says what may follow.
_ironroof() {
  local line candidate
  local -a plain open shown shown_open
  local files=0
  while IFS= read -r line; do
    candidate=${line%%$'\t'*}
    if [[ $candidate = :files ]]; then
      files=1
    elif [[ $candidate = *[:=] ]]; then
      open+=("$candidate")
      shown_open+=("$candidate  ${line#*$'\t'}")
    else
      plain+=("$candidate")
      shown+=("$candidate  ${line#*$'\t'}")
    fi
  done < <("${words[1]}" complete -- "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
  (( ${#plain} )) && compadd -l -d shown -a plain
  (( ${#open} )) && compadd -l -S '' -d shown_open -a open
  (( files )) && { [[ $PREFIX = --*=* ]] && compset -P '*='; _files }
  return 0
}
if [[ $funcstack[1] = _ironroof ]]; then _ironroof "$@"; else compdef _ironroof ironroof; fi
