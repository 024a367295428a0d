# Removes what the services wrote: verified artifacts, caches and logs. Services with a dynamic user
# keep theirs in private/. Policies, keys and credentials in /etc/fairlead belong to the
# administrator and stay.
rm -rf /var/lib/fairlead
for name in fairlead-push fairlead-pull; do
  rm -rf "/var/cache/$name" "/var/cache/private/$name" "/var/log/$name" "/var/log/private/$name"
done
