if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || echo "fairlead: the units are still loaded; run: systemctl daemon-reload" >&2
fi
