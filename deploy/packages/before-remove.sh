# Stops and disables the services while their units still exist. A failure must not prevent the
# removal, which would leave a package that can neither be used nor removed.
if [ -d /run/systemd/system ]; then
  for unit in $units; do
    systemctl stop "$unit" || echo "fairlead: $unit was not stopped; see: systemctl status $unit" >&2
  done
fi
if command -v systemctl >/dev/null; then
  for unit in $units; do
    systemctl --no-reload --quiet disable "$unit" || echo "fairlead: $unit was not disabled" >&2
  done
fi
