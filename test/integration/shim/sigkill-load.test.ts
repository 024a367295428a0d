import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead } from '#test/support/cli/run';
import { type CriClient, connectCri, status } from '#test/support/cri/client';
import { ManagedShim } from '#test/support/cri/managed-shim';
import { type PodKind, PodLoad } from '#test/support/cri/pod-load';
import { packText, publish } from '#test/support/cri/shim';
import { triesAll } from '#test/support/some-of';
import { SecurityProfile_ProfileType as ProfileType } from '../../../lib/cri/gen/cri_pb.js';

const { OCI, Localhost, RuntimeDefault } = ProfileType;
/** A time in seconds, in which the share of kills that is given is of the shim. */
interface Phase {
  readonly seconds: number;
  readonly ofShim: number;
}
/** In the later phases the shim lives on, so that what grows in it shows. */
const phases: readonly Phase[] = triesAll
  ? Array.from({ length: 10 }, (_, number) => ({ seconds: 60, ofShim: number < 5 ? 0.7 : 0 }))
  : [
      { seconds: 6, ofShim: 0.7 },
      { seconds: 3, ofShim: 0 },
      { seconds: 3, ofShim: 0 },
    ];
const atOnce = triesAll ? 4 : 2;
/** How much the memory grows until it stays, in MiB; thousands of kills do not add to it. */
const room = 80;
/** How much longer the shim has to run until its garbage collection removes what is unused. */
const collected = 125_000;

/** What is measured when no pods but the kept ones are left. */
interface Measured {
  readonly shimDescriptors: number;
  /** Connections to the socket of the runtime. */
  readonly connections: number;
  readonly shimMiB: number;
}

describePeers(
  [...containerdRequirements, 'docker-registry'],
  'shim and containerd, killed again and again under a load of pods',
  () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: ManagedShim;
    let direct: CriClient;
    let load: PodLoad;
    let kinds: readonly PodKind[];
    before(async () => {
      [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
      const admin = path.join(containerd.folder, 'admin.sock');
      shim = await ManagedShim.start({
        ...{ runtime: containerd.socket, registryHost: registry.host },
        args: ['--admin', `unix://${admin}`],
      });
      direct = connectCri(containerd.socket);
      load = new PodLoad(shim.client, direct);
      kinds = await podKinds();
    });
    after(async () => {
      direct?.close();
      await containerd?.stop();
      await shim?.stop();
      await registry?.stop();
    });

    /** A profile that denies some calls and allows the rest, as far as the baseline does. */
    function denying(...names: readonly string[]): string {
      const syscalls = [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 1 }];
      return JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls });
    }

    async function podKinds(): Promise<readonly PodKind[]> {
      const { seccompRoot, signer } = shim.files;
      const signed = (text: string, title: string): Promise<string> =>
        publish(registry.host, `signed/${title}`, packText(text, title), signer);
      const oci = (ociRef: string) => ({ seccomp: { profileType: OCI, ociRef } });
      const localhost = (localhostRef: string) => ({ seccomp: { profileType: Localhost, localhostRef } });
      const chmod = await signed(denying('chmod', 'fchmod'), 'chmod');
      const mkdir = await signed(denying('mkdir'), 'mkdir');
      const rmdir = await signed(denying('rmdir'), 'rmdir');
      const unsigned = await publish(registry.host, 'signed/unsigned', packText(denying('link'), 'unsigned'));
      mkdirSync(seccompRoot, { recursive: true });
      writeFileSync(path.join(seccompRoot, 'own.json'), denying('symlink'));
      let fresh = 0;
      const runtimeDefault = { profileType: RuntimeDefault };
      return [
        { name: 'artifact', options: () => oci(chmod) },
        { name: 'reference', options: () => localhost(`${seccompRoot}/oci/${mkdir}`) },
        { name: 'file', options: () => localhost(`${seccompRoot}/own.json`) },
        { name: 'default', options: () => ({ seccomp: runtimeDefault }) },
        {
          name: 'sandbox',
          options: () => ({ seccomp: runtimeDefault, sandboxSeccomp: { profileType: OCI, ociRef: rmdir } }),
          like: 'default',
        },
        // An artifact that is not on the node.
        {
          name: 'fresh',
          options: async () => oci(await signed(denying('chmod', 'fchmod'), `fresh${fresh++}`)),
          like: 'artifact',
        },
        { name: 'unsigned', options: () => oci(unsigned), refused: status.FAILED_PRECONDITION },
        {
          name: 'elsewhere',
          options: () => oci(chmod.replace('/signed/', '/elsewhere/')),
          refused: status.PERMISSION_DENIED,
        },
        {
          name: 'privileged',
          options: () => ({ ...oci(chmod), privileged: true }),
          refused: status.INVALID_ARGUMENT,
        },
      ];
    }

    /** Kills one of both, again and again, at random moments. Returns how many times. */
    async function killOnAndOn({ seconds, ofShim }: Phase): Promise<number> {
      let kills = 0;
      for (const end = Date.now() + seconds * 1000; Date.now() < end; kills += 1) {
        await load.progress(2);
        await sleep(Math.random() * 500);
        await (Math.random() < ofShim ? shim.kill() : containerd.killAndRestart());
        await load.verify();
      }
      return kills;
    }

    function measure(): Measured {
      const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${shim.pid}/status`, 'utf8')) ?? [];
      const sockets = readFileSync('/proc/net/unix', 'utf8').split('\n');
      return {
        shimDescriptors: readdirSync(`/proc/${shim.pid}/fd`).length,
        // The ends of the runtime, which are connected (03).
        connections: sockets.filter((line) => / 03 \d+ /.test(line) && line.endsWith(` ${containerd.socket}`)).length,
        shimMiB: Math.round(Number(kib) / 1024),
      };
    }

    /** Measures when no more is open than before; with what is open then after some seconds. */
    async function measureAgain(before: Measured | undefined): Promise<Measured> {
      const isMore = (now: Measured, than: Measured): boolean =>
        now.shimDescriptors > than.shimDescriptors || now.connections > than.connections;
      for (const end = Date.now() + 5_000; ; await sleep(50)) {
        const now = measure();
        if (before === undefined || !isMore(now, before) || Date.now() > end) return now;
      }
    }

    it('no container dies, none has another profile, and nothing grows', async (t) => {
      const profiles = await load.keepOne(kinds);
      const ofContainers = [...profiles].filter(([name]) => !name.startsWith('the sandbox of'));
      assert.equal(
        new Set(ofContainers.map(([, profile]) => profile)).size,
        ofContainers.length,
        'the profiles differ',
      );
      assert.match(profiles.get('default') ?? '', /"chmod"/);
      assert.doesNotMatch(profiles.get('artifact') ?? '"chmod"', /"chmod"/);
      assert.ok(!profiles.has('unsigned'));
      assert.notEqual(profiles.get('the sandbox of sandbox'), profiles.get('the sandbox of default'));
      const kept = load.runningIds();
      const measured: Measured[] = [];
      let kills = 0;
      for (const phase of phases) {
        load.begin(kinds, atOnce);
        kills += await killOnAndOn(phase);
        await load.end();
        await load.verify();
        assert.deepEqual(load.runningIds(), kept);
        measured.push(await measureAgain(measured[0]));
      }
      t.diagnostic(`${kills} kills: ${JSON.stringify(load.counts)}`);
      for (const values of measured) t.diagnostic(JSON.stringify(values));
      await load.tryEach(kinds);
      const [first, ...later] = measured.slice(phases.findIndex(({ ofShim }) => ofShim === 0)) as [
        Measured,
        ...Measured[],
      ];
      for (const values of measured) {
        assert.ok(values.shimDescriptors <= first.shimDescriptors + 8, JSON.stringify(values));
        assert.ok(values.connections <= first.connections + 4, JSON.stringify(values));
      }
      for (const { shimMiB } of later)
        assert.ok(shimMiB <= first.shimMiB + room, `${first.shimMiB}, then ${shimMiB} MiB`);
    });

    it('node gc leaves what is referred to', async () => {
      if (triesAll) await sleep(collected);
      const socket = path.join(containerd.folder, 'admin.sock');
      const { code, stderr } = await runFairlead(['node', 'gc', '--socket', `unix://${socket}`]);
      assert.equal(code, 0, stderr);
      const [{ containers }, { items }] = await Promise.all([direct.listContainers(), direct.listPodSandbox()]);
      const alive = [...containers, ...items].map(({ id }) => id);
      const notes = readdirSync(path.join(shim.files.state, 'uses'));
      assert.deepEqual(
        notes.filter((id) => !alive.includes(id)),
        [],
      );
      // The containers of an artifact, and the sandbox of one.
      assert.equal(notes.length, 4);
      if (triesAll) assert.deepEqual(readdirSync(path.join(shim.files.state, 'effective')), []);
      await load.removeAll();
    });
  },
);
