# shellcheck shell=bash
# The script of action.yml, which sets its inputs as FAIRLEAD_INPUT_*. bash runs it with -e and
# pipefail.
set -u

refuse() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

# Adds the lines of a text that are not empty to the array $1.
add_lines() {
  local -n lines=$1
  local line
  while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] || lines+=("$line")
  done <<< "$2"
}

if [ -n "$FAIRLEAD_INPUT_PROGRAM" ]; then
  fairlead=("$FAIRLEAD_INPUT_PROGRAM")
elif [ -f "$GITHUB_ACTION_PATH/dist/cli/main.js" ]; then
  command -v node > /dev/null || refuse 'this runner has no Node.js' \
    'Install it in an earlier step (actions/setup-node), or set the input `program` to an executable of a release.'
  fairlead=(node "$GITHUB_ACTION_PATH/bin/fairlead.js")
elif command -v fairlead > /dev/null; then
  fairlead=(fairlead)
else
  refuse 'fairlead is neither in this action nor in PATH' \
    'Use the tag of a release (v0), which contains it, or install it in an earlier step.'
fi

# The commit that a change starts from. A pull request is checked out as its merge, whose first
# parent is the base; the event may name an older one.
base_commit() {
  if [ -n "$FAIRLEAD_INPUT_BASE" ]; then
    printf '%s' "$FAIRLEAD_INPUT_BASE"
  elif [ "${GITHUB_EVENT_NAME:-}" = pull_request ] && [ "$(git rev-parse HEAD)" = "${GITHUB_SHA:-}" ] &&
    git rev-parse --verify --quiet 'HEAD^2^{commit}' > /dev/null; then
    printf 'HEAD^1'
  else
    printf '%s' "$FAIRLEAD_EVENT_BASE"
  fi
}

options=(--output github)
[ -z "$FAIRLEAD_INPUT_PROJECT" ] || options+=(--project "$FAIRLEAD_INPUT_PROJECT")
[ -z "$FAIRLEAD_INPUT_FAIL_ON" ] || options+=(--fail-on "$FAIRLEAD_INPUT_FAIL_ON")
paths=()
add_lines paths "$FAIRLEAD_INPUT_PATHS"
more=()
add_lines more "$FAIRLEAD_INPUT_ARGS"

case $FAIRLEAD_INPUT_COMMAND in
  setup)
    mkdir -p "$RUNNER_TEMP/fairlead"
    {
      printf '#!/usr/bin/env bash\nexec'
      printf ' %q' "${fairlead[@]}"
      printf ' "$@"\n'
    } > "$RUNNER_TEMP/fairlead/fairlead"
    chmod +x "$RUNNER_TEMP/fairlead/fairlead"
    printf '%s\n' "$RUNNER_TEMP/fairlead" >> "$GITHUB_PATH"
    printf '::add-matcher::%s\n' "$GITHUB_ACTION_PATH/deploy/ci/problem-matcher.json"
    return
    ;;
  lint) ;;
  diff)
    base=$(base_commit)
    case $base in
      *[!0]*) ;;
      *)
        echo 'There is no commit to compare with.'
        return
        ;;
    esac
    options+=(--base "$base")
    ;;
  push)
    [ -z "$FAIRLEAD_INPUT_VERSION" ] || options+=(--version "$FAIRLEAD_INPUT_VERSION")
    [ -z "$FAIRLEAD_INPUT_POLICY" ] || options+=(--policy "$FAIRLEAD_INPUT_POLICY")
    options+=(--provenance)
    [ "$FAIRLEAD_INPUT_KEYLESS" != true ] || options+=(--keyless)
    if [ -n "$FAIRLEAD_INPUT_KEY" ]; then
      secrets=$(mktemp -d "$RUNNER_TEMP/fairlead-key.XXXXXX")
      trap 'rm -rf "$secrets"' EXIT
      (umask 077 && printf '%s\n' "$FAIRLEAD_INPUT_KEY" > "$secrets/key")
      options+=(--key "$secrets/key")
      [ -z "$FAIRLEAD_INPUT_PASSPHRASE" ] || export FAIRLEAD_PASSPHRASE=$FAIRLEAD_INPUT_PASSPHRASE
    fi
    if [ -n "$FAIRLEAD_INPUT_USERNAME" ]; then
      options+=(--username "$FAIRLEAD_INPUT_USERNAME" --password-stdin)
    fi
    [ -z "$FAIRLEAD_INPUT_REPOSITORY" ] || paths+=("$FAIRLEAD_INPUT_REPOSITORY")
    ;;
  *)
    refuse "unknown command \"$FAIRLEAD_INPUT_COMMAND\": want lint, diff, push or setup" \
      'Set the input `command`.'
    ;;
esac

# The program needs the key only from its file, and the password only from stdin.
password=$FAIRLEAD_INPUT_PASSWORD
unset FAIRLEAD_INPUT_KEY FAIRLEAD_INPUT_PASSPHRASE FAIRLEAD_INPUT_PASSWORD
"${fairlead[@]}" "$FAIRLEAD_INPUT_COMMAND" "${options[@]}" "${more[@]}" -- "${paths[@]}" < <(printf '%s' "$password")
