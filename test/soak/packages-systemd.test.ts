import assert from 'node:assert/strict';
import { copyFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { renderForNode } from '#lib/node/install/apparmor/render';
import { describePeers } from '#test/peers/require';
import { startVm, type Vm, vmRequirements } from '#test/peers/vm';
import { root } from '#test/support/cli/package';
import { buildProgram } from '#test/support/release/program';
import { buildPackages } from '#test/support/release/stand-in-packages';

/** Runs the executable of this checkout, which takes long to compress. */
const real = '#!/bin/sh\nexec /job/program "$@"\n';
/** Runs until it is stopped. */
const simple = (version: string): string => `#!/bin/sh\necho "version ${version}"\nexec sleep infinity\n`;

const units = ['fairlead-pull.service', 'fairlead-push.service', 'fairlead-shim.service'];
const loader = ['fairlead-lsm.socket', 'fairlead-lsm.service'];
const shimSocket = ['fairlead-shim.socket'];

/** The commands of the package managers in the machine. */
const manager = {
  dpkg: {
    install: (name: string) => `dpkg --no-triggers --force-unsafe-io -i /job/${name}.deb 2>&1`,
    remove: 'dpkg --no-triggers --force-unsafe-io -P fairlead 2>&1',
  },
  rpm: {
    install: (name: string) => `rpm --dbpath /var/lib/rpm --force-debian --nodeps -U /job/${name}.rpm 2>&1`,
    remove: 'rpm --dbpath /var/lib/rpm --nodeps -e fairlead 2>&1',
  },
};

describePeers([...vmRequirements, 'systemd', 'dpkg-deb', 'rpm', 'rpmbuild'], 'the packages, under systemd', () => {
  let vm: Vm;
  before(async () => {
    vm = await startVm({ systemd: true });
    copyFileSync(join(root, 'examples/nginx.json'), join(vm.job, 'nginx.json'));
    renameSync(await buildProgram(vm.job), join(vm.job, 'program'));
    for (const [name, version, program] of [
      ['real', '1.0.0', real],
      ['older', '1.1.0', simple('1.1.0')],
      ['newer', '1.2.0', simple('1.2.0')],
    ] as const) {
      const { deb, rpm } = await buildPackages({ directory: join(vm.job, name), version, program });
      copyFileSync(deb, join(vm.job, `${name}.deb`));
      copyFileSync(rpm, join(vm.job, `${name}.rpm`));
    }
    // An image of Debian may forbid to start services.
    await vm.output(`
      rm -f /usr/sbin/policy-rc.d
      ${manager.dpkg.install('real')}`);
  });
  after(() => vm?.stop());

  /** What systemd reports of the units, in the order of `units`. */
  const states = async (verb: 'is-active' | 'is-enabled', of: readonly string[] = units): Promise<string[]> =>
    (await vm.run(`systemctl ${verb} ${of.join(' ')} 2>/dev/null`)).stdout.trim().split('\n');

  it('enable and start nothing', async () => {
    assert.deepEqual(await states('is-enabled'), ['disabled', 'disabled', 'disabled']);
    assert.deepEqual(await states('is-active'), ['inactive', 'inactive', 'inactive']);
    // Enabling the second one enables the first.
    assert.deepEqual(await states('is-enabled', loader), ['disabled', 'indirect']);
    assert.deepEqual(await states('is-active', loader), ['inactive', 'inactive']);
    assert.deepEqual(await states('is-active', shimSocket), ['inactive']);
  });

  it('have units without faults, and with little access to the system', async () => {
    assert.deepEqual(
      await vm.run(`systemd-analyze verify --man=no ${[...units, ...loader, ...shimSocket].join(' ')}`),
      {
        status: 0,
        stdout: '',
        stderr: '',
      },
    );
    // The shim is root, to reach the socket of the runtime. 10 is no protection.
    await vm.output('systemd-analyze security --threshold=15 --no-pager fairlead-pull.service fairlead-push.service');
    await vm.output('systemd-analyze security --threshold=20 --no-pager fairlead-shim.service');
    // This one is root with a capability.
    await vm.output('systemd-analyze security --threshold=25 --no-pager fairlead-lsm.service');
  });

  it('do not start the push service without its key, and name what is missing', async () => {
    // Like multi-user.target for an enabled unit, this keeps it loaded, with the reason.
    await vm.output(`
      printf '%s\\n' [Unit] After=fairlead-push.service [Service] 'ExecStart=sleep 1h' > /run/systemd/system/keep.service
      systemctl start keep`);
    assert.equal((await vm.run('systemctl start fairlead-push')).status, 1);
    const { stdout } = await vm.run('systemctl status --no-pager fairlead-push');
    await vm.output('systemctl stop keep');
    assert.match(stdout, /AssertPathExists=\/etc\/fairlead\/push\.(?:key|token) was not met/);
  });

  it('run the services in a sandbox, with secrets that only root can read', async () => {
    await vm.output(`
      set -e
      umask 077
      mkdir -m 755 /etc/fairlead
      cd /etc/fairlead
      echo 'a passphrase' > push.passphrase
      fairlead keygen --prefix push --passphrase-file push.passphrase > /dev/null
      install -m 644 push.pub fairlead.pub
      install -m 644 /usr/share/doc/fairlead/examples/policy.yaml policy.yaml
      echo 0123456789abcdef0123456789abcdef > push.token
      systemctl reset-failed
      systemctl start --no-block fairlead-pull fairlead-push`);
    await answers(vm, 'http://127.0.0.1:8081/readyz');
    await answers(vm, 'http://127.0.0.1:8080/readyz');
    const push = (token: string): Promise<string> =>
      vm.output(`curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer ${token}' \\
        -H 'Content-Type: application/json' --data-binary @/job/nginx.json \\
        'http://127.0.0.1:8080/v1/profiles?reference=registry.example.org/of-no-rule:1'`);
    assert.equal(await push('another-token-of-32-characters-x'), '401');
    assert.equal(await push('0123456789abcdef0123456789abcdef'), '403');
    for (const unit of ['fairlead-pull', 'fairlead-push']) {
      const main = `/proc/$(systemctl show -P MainPID ${unit})`;
      // Without a file of the administrator there are no credentials for registries.
      assert.equal(await vm.output(`cat ${main}/root/run/credentials/${unit}.service/config.json`), '{}');
      assert.match(
        await vm.output(`tr '\\0' '\\n' < ${main}/environ`),
        new RegExp(`^DOCKER_CONFIG=.*/${unit}.service$`, 'm'),
      );
      const status = await vm.output(`cat ${main}/status`);
      assert.doesNotMatch(status, /^Uid:.*\b0\b/m);
      assert.match(status, /^CapBnd:\s+0+$/m);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.match(status, /^Seccomp:\s+2$/m);
    }
  });

  it('reload the policy', async () => {
    await vm.output('rm /etc/fairlead/policy.yaml; systemctl reload fairlead-pull');
    let health = '';
    for (let tries = 0; tries < 20 && !/does not exist/.test(health); tries++) {
      health = await vm.output('curl -s http://127.0.0.1:8081/healthz; sleep 0.2');
    }
    assert.match(health, /does not exist: everything is denied/);
    await vm.output('systemctl stop fairlead-pull fairlead-push');
    assert.deepEqual(await states('is-active'), ['inactive', 'inactive', 'inactive']);
  });

  it('load AppArmor profiles for the shim, in a service with one capability that a call starts', async () => {
    const { name, text } = renderForNode({ mode: 'Enforce', capability: { allowedCapabilities: [] } });
    writeFileSync(join(vm.job, 'profile'), text);
    const url = `http://lsm/v1/apparmor/profiles`;
    const call = (options: string, path = `/${encodeURIComponent(name)}`): Promise<string> =>
      vm.output(`curl -sS --unix-socket /run/fairlead/lsm.sock -w '%{http_code}' ${options} ${url}${path}`);
    const load = `-X PUT -H 'Content-Type: text/plain' --data-binary @/job/profile`;
    // The unit of the shim starts the socket, and the end of the shim does not take it away.
    // No runtime answers, so that the shim does not become ready.
    await vm.output(`
      systemctl start --no-block fairlead-shim
      until systemctl -q is-active fairlead-lsm.socket; do sleep 0.1; done
      systemctl stop fairlead-shim.socket fairlead-shim.service`);
    assert.deepEqual(await states('is-active', [...loader, ...shimSocket]), ['active', 'inactive', 'inactive']);
    assert.equal(await vm.output('stat -c "%a %U" /run/fairlead /run/fairlead/lsm.sock'), '700 root\n600 root\n');

    assert.equal(await call(load), '204', await vm.output('journalctl -o cat -u fairlead-lsm'));
    const main = `/proc/$(systemctl show -P MainPID fairlead-lsm)`;
    const status = await vm.output(`cat ${main}/status`);
    for (const set of ['CapBnd', 'CapEff', 'CapPrm'])
      assert.match(status, new RegExp(`^${set}:\\s+0000000200000000$`, 'm'));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    assert.match(status, /^Seccomp:\s+2$/m);
    assert.notEqual(await vm.output(`readlink ${main}/ns/net`), await vm.output('readlink /proc/1/ns/net'));

    const confined = `setpriv --reuid=1000 --clear-groups aa-exec -p ${name} -- sleep 1000 >&- 2>&- & echo $!`;
    const process = (await vm.output(confined)).trim();
    assert.match(await call('-X DELETE'), new RegExp(`process ${process} is confined by .*409$`));
    // Its end, too, leaves the socket and the profile.
    await vm.output(`kill ${process}; systemctl stop fairlead-lsm.service`);
    assert.equal(await call('', ''), `${JSON.stringify({ profiles: [name] })}200`);
    await vm.output('systemctl kill --signal=KILL fairlead-lsm.service');
    assert.equal(await call('', ''), `${JSON.stringify({ profiles: [name] })}200`);
    assert.equal(await call('-X DELETE'), '204');
    assert.equal(await call('', ''), '{"profiles":[]}200');
    await vm.output('systemctl stop fairlead-lsm.socket fairlead-lsm.service');
  });

  for (const [name, { install, remove }] of Object.entries(manager)) {
    describe(`by ${name}`, () => {
      it('restart what runs when they are upgraded, and nothing else', async () => {
        await vm.output(
          `${install('older')} && systemctl enable --now fairlead-pull fairlead-lsm.socket && systemctl enable fairlead-push`,
        );
        const before = await states('is-enabled');
        await vm.output(install('newer'));
        assert.deepEqual(await states('is-active'), ['active', 'inactive', 'inactive']);
        assert.deepEqual(await states('is-active', loader), ['active', 'inactive']);
        assert.deepEqual([before, await states('is-enabled')], [before, ['enabled', 'enabled', 'disabled']]);
        const log = await vm.output('journalctl -o cat -u fairlead-pull | grep ^version | tail -2');
        assert.equal(log, 'version 1.1.0\nversion 1.2.0\n');
      });

      it('stop and disable the services when they are removed', async () => {
        await vm.output(remove);
        assert.deepEqual(await states('is-active', [...units, ...loader, ...shimSocket]), Array(6).fill('inactive'));
        assert.equal(await vm.output('systemctl list-unit-files --no-legend "fairlead-*"; pgrep -x sleep || true'), '');
        assert.equal(await vm.output('find /etc/systemd -name "fairlead-*"'), '');
      });
    });
  }
});

/** Waits until a service in the machine answers with 200: the emulated processor is slow. */
async function answers(vm: Vm, url: string): Promise<void> {
  const deadline = Date.now() + 200_000;
  while ((await vm.run(`curl -sf ${url}`)).status !== 0) {
    if (Date.now() > deadline) throw new Error(`no answer: ${await vm.output('journalctl -o cat -u "fairlead-*"')}`);
    await sleep(1000);
  }
}
