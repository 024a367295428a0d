# shellcheck shell=bash
# The script of action.yml, which sets its inputs as FAIRLEAD_INPUT_*. bash runs it with -e and
# pipefail.
set -u

refuse() {
  printf 'error: %s\nhint: %s\n' "$1" "$2" >&2
  exit 2
}

# Sets the array `lines` to the lines of a text that are not empty. The bash of macOS is 3.2,
# without references to variables and, with -u, without empty arrays.
read_lines() {
  local line
  lines=()
  while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] || lines+=("$line")
  done <<< "$1"
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

# Returns whether the input `args` has an option.
has_option() {
  local each
  for each in ${more[@]+"${more[@]}"}; do
    case $each in "$1" | "$1="*) return 0 ;; esac
  done
  return 1
}

# Ends a comparison that is impossible: a gate that cannot decide stays closed. Without a gate, what
# could not be compared is treated as loosened.
without_comparison() {
  local hint='Set the input `base`, for example to origin/main, and fetch that commit (fetch-depth: 0).'
  if [ -n "$FAIRLEAD_INPUT_FAIL_ON" ] || has_option --fail-on; then
    printf '::error title=not-compared::%s %s\n' "$1" "$hint"
    refuse "$1" "$hint To report only, leave out \`fail-on\`."
  fi
  printf '::warning title=not-compared::%s %s\n' "$1" "$hint"
  printf 'changed=true\nloosened=true\nprofiles=[]\n' >> "$GITHUB_OUTPUT"
}

options=(--output github)
[ -z "$FAIRLEAD_INPUT_PROJECT" ] || options+=(--project "$FAIRLEAD_INPUT_PROJECT")
[ -z "$FAIRLEAD_INPUT_FAIL_ON" ] || options+=(--fail-on "$FAIRLEAD_INPUT_FAIL_ON")
read_lines "$FAIRLEAD_INPUT_ARGS"
more=(${lines[@]+"${lines[@]}"})
read_lines "$FAIRLEAD_INPUT_PATHS"
paths=(${lines[@]+"${lines[@]}"})

# The program gets the key only from its file, and the password only from stdin.
key=$FAIRLEAD_INPUT_KEY
password=$FAIRLEAD_INPUT_PASSWORD
passphrase=$FAIRLEAD_INPUT_PASSPHRASE
unset FAIRLEAD_INPUT_KEY FAIRLEAD_INPUT_PASSWORD FAIRLEAD_INPUT_PASSPHRASE

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
    if ! has_option --base; then
      base=$(base_commit)
      case $base in
        *[!0]*) ;;
        *)
          without_comparison 'This event names no commit to compare with.'
          return
          ;;
      esac
      # Such as on pull_request_target, which checks out the base.
      if [ -z "$FAIRLEAD_INPUT_BASE" ] && [ "$base" = "$(git rev-parse HEAD)" ]; then
        without_comparison 'The commit that this event starts from is the one that is checked out.'
        return
      fi
      options+=(--base "$base")
    fi
    ;;
  push)
    [ -z "$FAIRLEAD_INPUT_VERSION" ] || options+=(--version "$FAIRLEAD_INPUT_VERSION")
    [ -z "$FAIRLEAD_INPUT_POLICY" ] || options+=(--policy "$FAIRLEAD_INPUT_POLICY")
    if [ -n "$FAIRLEAD_INPUT_SERVICE" ]; then
      options+=(--service "$FAIRLEAD_INPUT_SERVICE")
    elif [ "$FAIRLEAD_INPUT_PROVENANCE" = true ]; then
      options+=(--provenance)
    fi
    [ "$FAIRLEAD_INPUT_KEYLESS" != true ] || options+=(--keyless)
    secrets=$(umask 077 && mktemp -d "$RUNNER_TEMP/fairlead-secrets.XXXXXX")
    trap 'rm -rf "$secrets"' EXIT
    if [ -n "$key" ]; then
      (umask 077 && printf '%s\n' "$key" > "$secrets/key")
      options+=(--key "$secrets/key")
      [ -z "$passphrase" ] || export FAIRLEAD_PASSPHRASE=$passphrase
    fi
    if [ -n "$FAIRLEAD_INPUT_USERNAME" ]; then
      [ -n "$FAIRLEAD_INPUT_REGISTRY" ] || refuse 'the input `registry` is missing' \
        'Name the host that user name and password are for, such as ghcr.io. They are sent to no other.'
      # A project may name several registries: a login is for one of them.
      export DOCKER_CONFIG=$secrets REGISTRY_AUTH_FILE=$secrets/config.json
      "${fairlead[@]}" login "$FAIRLEAD_INPUT_REGISTRY" --username "$FAIRLEAD_INPUT_USERNAME" --password-stdin \
        <<< "$password"
    fi
    if [ -n "$FAIRLEAD_INPUT_REPOSITORY" ]; then
      [ ${#paths[@]} -gt 0 ] || paths=(.)
      # With the scheme: a directory of that name is not the destination.
      paths+=("oci://${FAIRLEAD_INPUT_REPOSITORY#oci://}")
    fi
    ;;
  *)
    refuse "unknown command \"$FAIRLEAD_INPUT_COMMAND\": want lint, diff, push or setup" \
      'Set the input `command`.'
    ;;
esac

"${fairlead[@]}" "$FAIRLEAD_INPUT_COMMAND" "${options[@]}" ${more[@]+"${more[@]}"} -- \
  ${paths[@]+"${paths[@]}"} < /dev/null
