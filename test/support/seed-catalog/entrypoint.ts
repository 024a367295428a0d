import type { CatalogProgram } from './program.ts';

/**
 * What images do before their program starts and while it runs: the scripts of their entry points,
 * which prepare directories and change the user, and the shells and small programs of probes and of
 * `kubectl exec`. It has no profile of its own; its calls are in each.
 */
export const entrypoint: CatalogProgram = {
  name: 'entrypoint',
  package: 'coreutils',
  workload: 'the scripts of entry points, probes, and shells in the container',
  files: () => ({
    'entry.sh': `set -e
umask 022
work=$(mktemp -d /tmp/entry.XXXXXX); cd "$work"; pwd > /dev/null
mkdir -p a/b c; touch a/b/file; echo text > a/text; cat a/text | tr t T | wc -l > /dev/null
cp -a a d; cp a/text c; mv c/text c/moved; ln -s moved c/link; ln c/moved c/hard; readlink -f c/link > /dev/null
chmod -R go-w a; chmod 700 c; chown app:app c; chown -R app:app a; chgrp app d; chown -h app c/link
ls -lA . > /dev/null; stat a > /dev/null; du -s . > /dev/null; df . > /dev/null
find . ! -user app -exec chown -h app {} +; find . -name '*.sh' -print0 | sort -z | head -n 1
sed -i s/text/other/ a/text; grep -q other a/text; cut -c1 a/text; seq 100 | sort -rn | tail -n 1; date > /dev/null; env > /dev/null
id -u > /dev/null; id -un > /dev/null; uname -a > /dev/null; nproc > /dev/null; sleep 0.01
test -w a && test -r a; [ -x /bin/sh ]; dd if=/dev/zero of=zero bs=1k count=4 2> /dev/null; truncate -s 0 zero; sync zero
timeout 5 sleep 0.01; sleep 10 & kill $!; wait $! || true; trap : USR1; kill -USR1 $$; ulimit -n > /dev/null; nice true; tee copy < a/text > /dev/null
setpriv --reuid=app --regid=app --init-groups id -un > /dev/null; setpriv --no-new-privs --bounding-set=-all true || true
cd /; rm -r "$work"
`,
    'busybox.sh': `set -e
cd /tmp; mkdir -p b; echo text > b/a; cp -a b c; mv c d; chmod -R 700 d; chown -R app d; ls -l d > /dev/null; find d -type f | sort > /dev/null
ln -s a b/l; stat b/a > /dev/null; sed -i s/t/T/ b/a; id > /dev/null; ps > /dev/null; top -b -n 1 > /dev/null; df > /dev/null; free > /dev/null
sleep 0.01; timeout 5 sleep 0; hostname > /dev/null; wget -q -T 1 -O - http://127.0.0.1:1/ || true; nc -z -w 1 127.0.0.1 1 || true
nslookup localhost 127.0.0.1:1 > /dev/null 2>&1 || true; setpriv --nnp true; su app -s /bin/busybox -c true || true; rm -r b d
`,
  }),
  script:
    () => `sh /mnt/entry.sh && bash /mnt/entry.sh && bash -c 'cat <(echo); read -t 0.01 < /dev/zero || true; : > /dev/tcp/127.0.0.1/1 || true'
mkdir /tmp/bin && busybox --install -s /tmp/bin && env PATH=/tmp/bin /bin/busybox sh /mnt/busybox.sh && echo prepared; trap exit TERM; sleep 1000 & wait`,
  async use(container) {
    await container.until('it has run', () => container.log().includes('prepared'));
    container.exec(['bash', '-c', 'printenv PATH; head -n 1 < /proc/1/status']);
    container.exec(['sh', '-c', 'kill -0 1 && exit 0']);
    container.exec(['busybox', 'ash', '-c', 'ls / | head -n 1']);
  },
};
