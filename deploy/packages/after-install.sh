# Restarts the services that are running, so that they run the new version. Nothing is enabled or
# started: the services need a policy, and some need keys, that only the administrator can write.
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || echo "fairlead: the units were not loaded again; run: systemctl daemon-reload" >&2
  if [ -n "$upgrade" ]; then
    # On Debian, policy-rc.d may forbid it.
    restart=systemctl
    if command -v deb-systemd-invoke >/dev/null; then restart=deb-systemd-invoke; fi
    for unit in $units; do
      # systemd refuses to restart a socket whose service runs.
      case $unit in *.socket) continue ;; esac
      "$restart" try-restart "$unit" || echo "fairlead: $unit was not restarted; see: systemctl status $unit" >&2
    done
  fi
fi
