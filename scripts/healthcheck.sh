#!/usr/bin/env bash
# Asks the server in this container whether it is up and its port answers; exits with 0 or 1, and says why not.
#
# It asks the admin port, which no client's connection takes a place of; the server tries its own TLS port by itself.
# Without an admin port it can only see whether the TLS port is open.
host=${ADMIN_HOST:-127.0.0.1} port=${ADMIN_PORT:-9464}
if [ "$port" = off ] || [ "$port" = 0 ]; then
  exec 3<>"/dev/tcp/127.0.0.1/${SERVER_PORT:-8000}"
  exit
fi
case $host in 0.0.0.0 | ::) host=127.0.0.1 ;; esac
exec 3<>"/dev/tcp/$host/$port" || exit 1
printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
IFS= read -r -t 4 status <&3
case $status in *' 200 '*) exit 0 ;; esac
while IFS= read -r -t 1 line <&3; do last=$line; done
echo "Not healthy: ${last:-no answer}" >&2
exit 1
