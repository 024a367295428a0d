import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { resources } from '#operator/api/resources';
import { profilesGroup } from '#operator/api/shared/resource-definition';
import { customResourceDefinition } from '#operator/crds/custom-resource-definition';
import { peer as programOf } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { exampleObjects } from '#test/support/apis/example-objects';
import {
  type ApiPeer,
  type ApiServer,
  apiPeers,
  type Document,
  definitionOf,
  evaluatesCel,
  olderOnly,
  resourceOf,
  ServedVersion,
  serve,
} from '#test/support/apis/served-apis';

/** Returns a number that JSON.stringify writes as it is. TypeScript 7 does not declare it. */
const rawJson = (text: string) => (JSON as unknown as { rawJSON(json: string): unknown }).rawJSON(text);

/** Fails unless everything in a value is in another one, with the same items in each list. */
function assertKept(given: unknown, stored: unknown, path: string): void {
  if (Array.isArray(given)) {
    assert.ok(Array.isArray(stored) && stored.length === given.length, path);
    for (const [at, item] of given.entries()) assertKept(item, stored[at], `${path}[${at}]`);
  } else if (typeof given === 'object' && given !== null) {
    assert.ok(typeof stored === 'object' && stored !== null, `${path} is not stored`);
    for (const [name, value] of Object.entries(given)) assertKept(value, (stored as Document)[name], `${path}.${name}`);
  } else assert.equal(stored, given, path);
}

/** Returns a schema without the rules of CEL, which older API servers do not know. */
function withoutCel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutCel);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name]) => name !== 'x-kubernetes-validations');
  return Object.fromEntries(members.map(([name, member]) => [name, withoutCel(member)]));
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

function suite(peer: ApiPeer): void {
  let server: ApiServer;
  before(async () => {
    server = await peer.start();
  });
  after(() => server.stop());

  it('accepts every CRD without a warning, and drops nothing of it', async () => {
    const hasCel = await evaluatesCel(server.request);
    for (const resource of resources) {
      for (const definition of [customResourceDefinition(resource), olderOnly(resource)]) {
        const { warnings } = await serve(server.request, definition);
        assert.deepEqual(warnings, []);
        const { name } = definition['metadata'] as { readonly name: string };
        const { spec, status } = await definitionOf(server.request, name);
        const sent = hasCel ? definition['spec'] : withoutCel(definition['spec']);
        assertKept(sent, spec, name);
        const { conditions, storedVersions } = status as {
          readonly conditions: readonly Condition[];
          readonly storedVersions: readonly string[];
        };
        const states = conditions.map(({ type, status: state }) => `${type} ${state}`).toSorted();
        assert.deepEqual(states, ['Established True', 'NamesAccepted True']);
        const isWhole = name.endsWith(profilesGroup);
        assert.deepEqual(storedVersions, [isWhole ? 'v1' : resource.older.name]);
      }
      const { body } = await server.request('GET', `/apis/${profilesGroup}`);
      const versions = (body as { readonly versions: readonly { readonly version: string }[] }).versions;
      assert.ok(versions.some(({ version }) => version === resource.older.name));
    }
  });

  it('keeps everything of the objects that people have, in v1 and in the older version', async () => {
    for (const { kind, name, versions, content } of exampleObjects) {
      for (const version of versions) {
        const api = new ServedVersion(server.request, resourceOf(kind), version);
        const created = await api.create(name, content);
        assert.equal(created.status, 201, `${version} ${kind} ${name}: ${JSON.stringify(created.body)}`);
        assert.deepEqual(created.warnings, []);
        assertKept(content, (await api.read(name)).body, `${version} ${kind} ${name}`);
      }
    }
  });

  it('keeps the largest argument of a system call, bit for bit', async () => {
    const api = new ServedVersion(server.request, resourceOf('SeccompProfile'), 'v1');
    const largest = (value: string) => ({
      spec: {
        defaultAction: 'SCMP_ACT_ERRNO',
        syscalls: [
          {
            names: ['personality'],
            action: 'SCMP_ACT_ALLOW',
            args: [{ index: 0, op: 'SCMP_CMP_EQ', value: rawJson(value) }],
          },
        ],
      },
    });
    assert.equal((await api.create('largest', largest('9223372036854775807'))).status, 201);
    const { stdout } = await kubectl('get', 'sp', 'largest', '-o', 'jsonpath={.spec.syscalls[0].args[0].value}');
    assert.equal(stdout, '9223372036854775807');
    assert.equal((await api.create('too-large', largest('9223372036854775808'))).status, 422);
  });

  it('takes objects with thousands of items, and refuses what is wrong at their end', async () => {
    const large = (count: number, item: (at: number) => unknown) => Array.from({ length: count }, (_, at) => item(at));
    const attempt = (kind: string, spec: Document) =>
      new ServedVersion(server.request, resourceOf(kind), 'v1').create('large', { spec }, { dryRun: true });
    const syscalls = (last: object) => [
      ...large(10_000, (at) => ({ names: [`syscall_${at}`], action: 'SCMP_ACT_ALLOW' })),
      last,
    ];
    const options = (last: object) => [
      ...large(2_000, (at) => ({ name: `webhook-${at}.example.com`, failurePolicy: 'Fail' })),
      last,
    ];
    const paths = large(5_000, (at) => `/usr/lib/application/${at}/**`);
    const cases: [string, Document, Document, RegExp][] = [
      [
        'SeccompProfile',
        { defaultAction: 'SCMP_ACT_ERRNO', syscalls: syscalls({ names: ['read'], action: 'SCMP_ACT_LOG' }) },
        { defaultAction: 'SCMP_ACT_ERRNO', syscalls: syscalls({ names: ['read'], action: 'allow' }) },
        /Unsupported value: \\?"allow/,
      ],
      [
        'AppArmorProfile',
        { abstract: { filesystem: { readOnlyPaths: paths } } },
        { abstract: { filesystem: { readOnlyPaths: [...paths, paths[0]] } } },
        /Duplicate value/,
      ],
      [
        'SecurityProfilesOperatorDaemon',
        { webhook: { options: options({ name: 'last', failurePolicy: 'Ignore' }) } },
        { webhook: { options: options({ name: 'last', failurePolicy: 'Ignore', namespaceSelector: 'x' }) } },
        /must be of type object/,
      ],
    ];
    for (const [kind, good, bad, says] of cases) {
      const accepted = await attempt(kind, good);
      assert.equal(accepted.status, 201, `${kind}: ${JSON.stringify(accepted.body).slice(0, 500)}`);
      const refused = await attempt(kind, bad);
      assert.equal(refused.status, 422, kind);
      assert.match(JSON.stringify(refused.body), says);
    }
  });

  it('applies the defaults of v1', async () => {
    const read = async (kind: string, name: string) => {
      const { body } = await new ServedVersion(server.request, resourceOf(kind), 'v1').read(name);
      return (body as { readonly spec: Document }).spec;
    };
    assert.equal((await read('SeccompProfile', 'block-all'))['state'], 'Enabled');
    assert.equal((await read('AppArmorProfile', 'empty-lists'))['mode'], 'Enforce');
    const selinux = new ServedVersion(server.request, resourceOf('SelinuxProfile'), 'v1');
    assert.equal((await selinux.create('defaults', { spec: {} })).status, 201);
    assert.deepEqual(await read('SelinuxProfile', 'defaults'), {
      state: 'Enabled',
      mode: 'Enforcing',
      inherit: [{ kind: 'System', name: 'container' }],
    });
    assert.equal((await read('ProfileRecording', 'recording-0'))['mergeStrategy'], 'None');
    const { selinux: settings, enableProfiling } = await read('SecurityProfilesOperatorDaemon', 'spod');
    assert.deepEqual(settings, { enable: false, typeTag: 'spc_t', options: { allowedSystemProfiles: ['container'] } });
    assert.equal(enableProfiling, false);
  });

  it('prints the columns of each kind', async () => {
    const seccomp = new ServedVersion(server.request, resourceOf('SeccompProfile'), 'v1');
    const status = { status: 'Installed', localhostProfile: 'operator/block-all.json' };
    assert.equal((await seccomp.patchStatus('block-all', status)).status, 200);
    for (const resource of resources) {
      const { body } = await new ServedVersion(server.request, resource, 'v1').table();
      const { columnDefinitions } = body as {
        readonly columnDefinitions: readonly { readonly name: string; readonly priority: number }[];
      };
      const columns = columnDefinitions.map(({ name, priority }) => (priority === 0 ? name : `${name} (${priority})`));
      const own = resource.columns.map(({ name, priority = 0 }) => (priority === 0 ? name : `${name} (${priority})`));
      // Without a column, Kubernetes shows the age.
      assert.deepEqual(columns, ['Name', ...(own.length === 0 ? ['Age'] : own)], resource.kind);
    }
    const { stdout } = await kubectl('get', 'sp', 'block-all', '-o', 'wide', '--no-headers');
    assert.match(stdout, /^block-all +Installed +\d+m?s +operator\/block-all\.json$/m);
  });

  it('finds the kinds by their short names, and all by the category', async () => {
    for (const { kind, shortNames, plural } of resources) {
      for (const name of shortNames) {
        const { stdout } = await kubectl('get', name, '-A', '-o', 'name');
        assert.match(stdout, new RegExp(`^${plural.replace(/(us)?es$|s$/, '$1')}.*/`), kind);
      }
    }
    const { stdout } = await kubectl('get', 'fairlead', '-A', '-o', 'name');
    for (const { singular } of resources) assert.ok(stdout.includes(`${singular}.${profilesGroup}/`), singular);
  });

  const kubectl = (...args: string[]) =>
    promisify(execFile)(programOf('kubectl'), ['--kubeconfig', server.kubeconfig, '--cache-dir', cache(), ...args]);
  const cache = () => `${server.kubeconfig}.cache`;
}

for (const peer of apiPeers) {
  describePeers([...peer.requirements, 'kubectl'], `the CRDs on ${peer.name}`, () => suite(peer));
}
