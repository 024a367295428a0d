import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LoggedOfContainer } from '#lib/node/kernel-log/count-logged';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import { renderAppArmorJson } from '#lib/profile/apparmor/render-json';
import { SecurityProfile_ProfileType as ProfileType } from '../../../../lib/cri/gen/cri_pb.js';
import type { Vm } from '../../../peers/vm.ts';
import { status } from '../../cri/client.ts';
import type { PodOptions } from '../../cri/pod.ts';
import { denyChmod } from '../../cri/shim.ts';
import type { AppArmorEvent } from '../guest-policies.ts';
import { GuestNode } from './guest-node.ts';
import type { NodeAnswer } from './node-steps.ts';

/** Permits about half of what the containers below try. */
const narrow: AppArmorProfile = {
  mode: 'Enforce',
  executable: { allowedExecutables: ['/bin/busybox'], allowedLibraries: [] },
  filesystem: {
    readOnlyPaths: ['/', '/etc/passwd', '/proc/*/attr/apparmor/current'],
    writeOnlyPaths: [],
    readWritePaths: ['/dev/null', '/tmp/file'],
  },
  network: { allowRaw: false, allowTcp: true, allowUdp: false },
  capability: { allowedCapabilities: ['chown', 'kill'] },
};

/** What a node permits to all of its containers. */
const baseline: AppArmorProfile = { mode: 'Enforce', capability: { allowedCapabilities: ['kill'] } };

/** Others, each with a name of its own in the kernel. */
const variants = ['late', 'created', 'removed'].map((name): AppArmorProfile => {
  return { ...narrow, executable: { allowedExecutables: ['/bin/busybox', `/bin/${name}`], allowedLibraries: [] } };
});

const done = { done: true } as const;
const denied = 'Permission denied';

/** Programs of busybox that show by their messages what the kernel refused. */
const attempts: Readonly<Record<string, string>> = {
  'read a listed file': 'cat /etc/passwd > /dev/null',
  'read another': 'cat /etc/group > /dev/null',
  'write a listed file': 'echo > /tmp/file',
  'write another': 'echo > /tmp/other',
  'use a listed capability': 'chown 1 /tmp/file && chown 0 /tmp/file',
  'use another': 'chroot / true',
  'connect by TCP': 'nc 127.0.0.1 1',
  'open a socket for UDP': 'nslookup -timeout=1 -retry=1 name.invalid 127.0.0.1',
  'open a raw socket': 'ping -c 1 127.0.0.1 > /dev/null',
};

/** How a container answers under `narrow`. */
const confined: Readonly<Record<string, string>> = {
  'read a listed file': '',
  'read another': `cat: can't open '/etc/group': ${denied}`,
  'write a listed file': '',
  'write another': `sh: can't create /tmp/other: ${denied}`,
  'use a listed capability': '',
  'use another': "chroot: can't change root directory to '/': Operation not permitted",
  'connect by TCP': "nc: can't connect to remote host (127.0.0.1): Connection refused",
  'open a socket for UDP': `nslookup: socket: ${denied}`,
  'open a raw socket': `ping: can't create raw socket: ${denied}`,
};

/** What the default template denies, with the capability for it. */
const deniedByDefault: Readonly<Record<string, string>> = {
  'mount -t tmpfs tmpfs /tmp': `mount: mounting tmpfs on /tmp failed: ${denied}`,
  'echo 1 > /proc/sys/kernel/sysrq': `sh: can't create /proc/sys/kernel/sysrq: ${denied}`,
  'ls /sys/firmware/acpi': `ls: can't open '/sys/firmware/acpi': ${denied}`,
};

/** What the kernel logs of what `narrow` refuses. */
const refusedByNarrow: readonly AppArmorEvent['fields'][] = [
  { operation: 'open', name: '/etc/group' },
  { operation: 'mknod', name: '/tmp/other' },
  { operation: 'capable', capname: 'sys_chroot' },
  { operation: 'create', sock_type: 'dgram' },
  { operation: 'create', sock_type: 'raw' },
];

function assertEvent(
  events: readonly AppArmorEvent[],
  expected: AppArmorEvent['fields'],
  decision: AppArmorEvent['decision'],
): void {
  const isExpected = (event: AppArmorEvent): boolean =>
    event.decision === decision && Object.entries(expected).every(([name, value]) => event.fields[name] === value);
  assert.ok(events.some(isExpected), `no ${decision} ${JSON.stringify(expected)} in ${JSON.stringify(events)}`);
}

/** Returns a command that makes attempts, of which each prints one line. */
function attempting(texts: readonly string[]): readonly string[] {
  return ['sh', '-c', texts.map((text) => `echo $( (${text}) 2>&1)`).join('\n')];
}

function linesOf(answer: NodeAnswer): readonly string[] {
  assert.ok('output' in answer && answer.output !== undefined, JSON.stringify(answer));
  return answer.output.split('\n').slice(0, -1);
}

function outcomesOf(answer: NodeAnswer): Readonly<Record<string, string | undefined>> {
  const lines = linesOf(answer);
  return Object.fromEntries(Object.keys(attempts).map((name, index) => [name, lines[index]]));
}

/** What is read of the document of `fairlead node explain`. */
interface Explained {
  readonly containers: readonly {
    readonly name?: string;
    readonly logged?: Pick<LoggedOfContainer, 'accesses' | 'executed'>;
  }[];
}

function labelOf(answer: NodeAnswer): string {
  assert.ok('label' in answer, JSON.stringify(answer));
  return answer.label;
}

function refusalOf(answer: NodeAnswer): Extract<NodeAnswer, { readonly message: string }> {
  assert.ok('message' in answer, JSON.stringify(answer));
  return answer;
}

/** Describes the containers that a node makes with AppArmor artifacts, from the registry on. */
export function describeArtifactsOnNode(guest: () => { readonly vm: Vm; readonly fairlead: string }): void {
  describe('by the shim in front of containerd', () => {
    let node: GuestNode;
    let [signed, trial, late, created, removed, seccomp, unsigned] = ['', '', '', '', '', '', ''];

    before(async () => {
      const { vm, fairlead } = guest();
      const text = renderAppArmorJson(narrow);
      node = await GuestNode.start(vm, fairlead, [
        { repository: 'signed/narrow', text },
        { repository: 'trial/narrow', text },
        ...variants.map((profile) => ({ repository: 'signed/variant', text: renderAppArmorJson(profile) })),
        { repository: 'signed/chmod', text: denyChmod },
        { repository: 'signed/unsigned', text, unsigned: true },
      ]);
      [signed = '', trial = '', late = '', created = '', removed = '', seccomp = '', unsigned = ''] = node.references;
    });
    after(async () => node?.stop());

    /** Both fields of CRI, as the kubelet sets them. */
    const localhost = (name: string): PodOptions => ({
      apparmor: { profileType: ProfileType.Localhost, localhostRef: name },
      apparmorProfile: `localhost/${name}`,
    });
    /** How many times the loader has loaded or unloaded a profile. */
    const loggedOf = (what: 'loaded' | 'unloaded', name: string): number =>
      node.log('lsm').filter((record) => record.messageId === `fairlead.apparmor.${what}` && record['profile'] === name)
        .length;
    /** Returns the names of the profiles that containers are confined by, which enforce. */
    const namesOf = async (...containers: readonly string[]): Promise<readonly string[]> => {
      const answers = await node.take(...containers.map((label) => ({ label })));
      return answers.map(
        (answer) => /^(fairlead\/[0-9a-f]{64}) \(enforce\)$/.exec(labelOf(answer))?.[1] ?? assert.fail(),
      );
    };
    const nameOf = async (container: string): Promise<string> => (await namesOf(container))[0] ?? assert.fail();

    it('confines a container and what is executed in it', async () => {
      const { answers, events } = await node.watch(
        { run: 'narrow', of: localhost(`oci/${signed}`) },
        { label: 'narrow' },
        { exec: ['cat', '/proc/self/attr/apparmor/current'], in: 'narrow' },
        { exec: attempting(Object.values(attempts)), in: 'narrow' },
      );
      const [made, label, own, tried] = answers;
      assert.deepEqual(made, done);
      assert.match(labelOf(label), /^fairlead\/[0-9a-f]{64} \(enforce\)$/);
      assert.deepEqual(linesOf(own), [labelOf(label)]);
      assert.deepEqual(outcomesOf(tried), confined);
      const name = await nameOf('narrow');
      assert.equal(await node.capabilitiesOf('shim'), '0000000000000000');
      for (const event of refusedByNarrow) assertEvent(events, { ...event, profile: name }, 'DENIED');
      assert.ok((await node.loaded()).includes(name));
    });

    it('reads every form of the request, and applies a seccomp artifact beside it', async () => {
      const oci = (ociRef: string) => ({ profileType: ProfileType.OCI, ociRef });
      const chmod = { exec: attempting(['chmod 600 /etc/passwd', attempts['read another'] ?? '']), in: 'both' };
      const answers = await node.take(
        { run: 'oci', of: { apparmor: oci(signed) } },
        { run: 'string', of: { apparmorProfile: `localhost/oci/${signed}` } },
        { run: 'both', of: { ...localhost(`oci/${signed}`), seccomp: oci(seccomp) } },
        ...([{ label: 'oci' }, { label: 'string' }, { label: 'both' }, chmod] as const),
      );
      const label = `${await nameOf('narrow')} (enforce)`;
      assert.deepEqual(answers.slice(0, 6), [done, done, done, { label }, { label }, { label }]);
      assert.deepEqual(linesOf(answers[6]), ['chmod: /etc/passwd: Operation not permitted', confined['read another']]);
      await node.take({ remove: 'oci' }, { remove: 'string' }, { remove: 'both' });
    });

    it('logs what only the artifact refuses, and denies what the default template does', async () => {
      const other = ['cp /bin/busybox /tmp/busybox', '/tmp/busybox cat /proc/self/attr/apparmor/current'];
      // By a program that is not listed, too.
      const denials = Object.keys(deniedByDefault);
      const denied = [...denials, ...denials.map((text) => `/tmp/busybox sh -c '/tmp/busybox ${text}'`)];
      const exec = attempting([...Object.values(attempts), ...other, ...denied]);
      const container = { ...localhost(`oci/${trial}?mode=log`), capabilities: { add: ['SYS_ADMIN'] } };
      const { answers, events } = await node.watch(
        { run: 'logged', of: container },
        { label: 'logged' },
        { exec, in: 'logged' },
      );
      const [, label, tried] = answers;
      assert.match(labelOf(label), /^fairlead\/[0-9a-f]{64} \(complain\)$/);
      const { 'open a socket for UDP': dns, ...outcomes } = outcomesOf(tried);
      const permitted = Object.keys(outcomes).map((name) => [name, name === 'connect by TCP' ? confined[name] : '']);
      assert.deepEqual(outcomes, Object.fromEntries(permitted));
      assert.match(dns ?? '', /connection timed out/);
      const [copied, own, ...refused] = linesOf(tried).slice(Object.keys(attempts).length);
      assert.deepEqual([copied, own], ['', labelOf(label)]);
      const messages = Object.values(deniedByDefault);
      assert.deepEqual(refused, [...messages, ...messages]);
      const name = labelOf(label).replace(/ .*/, '');
      for (const event of refusedByNarrow) assertEvent(events, { ...event, profile: name }, 'ALLOWED');
      assertEvent(events, { operation: 'exec', name: '/tmp/busybox', profile: name }, 'AUDIT');
      const explained = (await node.explain()) as Explained;
      const logged = explained.containers.find((each) => each.name === 'logged')?.logged;
      const counted = (operation: string, subject: string) =>
        [...(logged?.accesses ?? []), ...(logged?.executed ?? [])].find((row) => {
          return row.operation === operation && row.subject === subject;
        })?.count ?? 0;
      for (const [operation, subject] of [
        ...([
          ['open', '/etc/group'],
          ['mknod', '/tmp/other'],
          ['capable', 'sys_chroot'],
        ] as const),
        ...([
          ['create', 'inet raw'],
          ['exec', '/tmp/busybox'],
        ] as const),
      ]) {
        assert.ok(counted(operation, subject) > 0, `${operation} ${subject}: ${JSON.stringify(explained)}`);
      }
      // Its trap ends it with 0, SIGKILL with 137.
      assert.deepEqual(await node.take({ stop: 'logged' }, { remove: 'logged' }), [{ exitCode: 0 }, done]);
    });

    it('is refused without a signature, and if the two fields differ', async () => {
      const differing = { ...localhost(`oci/${signed}`), apparmorProfile: 'runtime/default' };
      const [unverified, contradiction] = await node.take(
        { create: 'unsigned', of: localhost(`oci/${unsigned}`) },
        { create: 'differing', of: differing },
      );
      assert.equal(refusalOf(unverified).code, status.FAILED_PRECONDITION);
      assert.match(
        refusalOf(unverified).message,
        /^SignatureValidationFailed: Fairlead refuses the security profile .*\/signed\/unsigned@.* of container "unsigned": /,
      );
      assert.equal(refusalOf(contradiction).code, status.INVALID_ARGUMENT);
      assert.match(refusalOf(contradiction).message, /of container "differing": .*specify different profiles/);
    });

    it('is refused without the loader if its profile is not loaded, and made when the loader is back', async () => {
      await node.kill('lsm', 'TERM');
      const container = { run: 'late', of: localhost(`oci/${late}`) } as const;
      const [refused, known] = await node.take(container, { run: 'known', of: localhost(`oci/${signed}`) });
      await node.start('lsm');
      assert.equal(refusalOf(refused).code, status.UNAVAILABLE);
      assert.match(refusalOf(refused).message, /of container "late": .*systemctl enable --now fairlead-lsm\.socket/);
      assert.deepEqual(known, done);
      const [made, label] = await node.take(container, { label: 'late' });
      assert.deepEqual(made, done);
      assert.match(labelOf(label), /^fairlead\/[0-9a-f]{64} \(enforce\)$/);
    });

    it('keeps its profile when the shim is killed, and the next shim finds it loaded', async () => {
      const name = await nameOf('narrow');
      await node.kill('shim', 'KILL');
      assert.equal(await nameOf('narrow'), name);
      await node.start('shim');
      const exec = attempting(Object.values(attempts));
      const [, tried, made] = await node.take(
        ...([{ ready: true }, { exec, in: 'narrow' }, { run: 'next', of: localhost(`oci/${signed}`) }] as const),
      );
      assert.deepEqual(outcomesOf(tried), confined);
      assert.deepEqual(made, done);
      assert.equal(await nameOf('next'), name);
      assert.equal(loggedOf('loaded', name), 1);
    });

    it('is intersected with the baseline of the policy', async () => {
      await node.changePolicy(baseline);
      const exec = attempting(Object.values(attempts));
      const { answers, events } = await node.watch(
        { run: 'bounded', of: localhost(`oci/${signed}`) },
        { exec, in: 'bounded' },
      );
      const name = await nameOf('bounded');
      assert.notEqual(name, await nameOf('narrow'));
      assert.deepEqual(outcomesOf(answers[1]), {
        ...confined,
        'use a listed capability': 'chown: /tmp/file: Operation not permitted',
      });
      assertEvent(events, { operation: 'capable', capname: 'chown', profile: name }, 'DENIED');
      await node.changePolicy('RuntimeDefault');
    });

    it('is unloaded after the last container with it, not while a created one is to start with it', async () => {
      const [, , label] = await node.take(
        { create: 'created', of: localhost(`oci/${created}`) },
        { run: 'removed', of: localhost(`oci/${removed}`) },
        { label: 'removed' },
        { remove: 'removed' },
      );
      const unused = labelOf(label).replace(/ .*/, '');
      const before = await node.loaded();
      assert.ok(before.includes(unused));
      // The first container after a start makes the shim tidy up.
      await node.kill('shim', 'TERM');
      await node.start('shim');
      await node.advanceClock();
      await node.take({ ready: true }, { create: 'another', of: localhost(`oci/${signed}`) });
      await node.until(() => loggedOf('unloaded', unused) === 1);
      await node.take({ start: 'created' }, { start: 'another' });
      const names = await namesOf('narrow', 'created', 'another', 'late', 'bounded');
      const used = [...new Set(names)].toSorted();
      assert.equal(used.length, 4);
      await node.until(async () => (await node.loaded()).length <= used.length);
      assert.deepEqual(await node.loaded(), used);
    });
  });
}
