# ironroof.bash -- completions of ironroof for bash: the program itself says what may follow.
_ironroof() {
  local line=${COMP_LINE:0:COMP_POINT} word candidate start words=() IFS=$' \t\n'
  read -r -a words <<<"$line"
  case $line in
    *[$' \t']) words+=("") ;;
  esac
  COMPREPLY=()
  [ ${#words[@]} -gt 1 ] || return 0
  word=${words[${#words[@]} - 1]}
  # What readline replaces begins behind the last of its word breaks, ':' and '=' among them.
  start=
  case $word in
    *[=:]*) [ -z "${COMP_WORDBREAKS##*[=:]*}" ] && start=${word%"${word##*[=:]}"} ;;
  esac
  while IFS= read -r candidate; do
    candidate=${candidate%%$'\t'*}
    if [ "$candidate" = :files ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "${word#"$start"}")
      continue
    fi
    COMPREPLY+=("${candidate#"$start"}")
  done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
  case ${COMPREPLY[0]-} in
    *[:=]) [ ${#COMPREPLY[@]} -gt 1 ] || compopt -o nospace 2>/dev/null ;;
  esac
  return 0
}
complete -F _ironroof ironroof
