import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { pino } from 'pino';
import { parse } from 'yaml';
import { resources } from '#operator/api/resources';
import { type ConvertedResource, profilesGroup } from '#operator/api/shared/resource-definition';
import { isResource } from '#operator/migrate/migrate-resource';
import { type JsonObject, textAt } from '#operator/migrate/value';
import { type Operator, startOperator } from '#operator/run/operator';
import { type Apiserver, apiserverMinor, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { resourceOf } from '#test/support/apis/served-apis';
import { type Finished, launcher, run, succeeded } from '#test/support/cli/run';
import { objectsIn, oldManifests, writeOldManifests } from '#test/support/operator/old-manifests';
import { until } from '#test/support/operator-cluster';

const guide = readFileSync(new URL('../../docs/guides/migrating-from-spo.md', import.meta.url), 'utf8');
const deployment = readFileSync(new URL('../../deploy/README.md', import.meta.url), 'utf8');

/** Returns the only block of commands in a section of the guide that contains a text. */
function commands(section: string, containing: string): string {
  const text = guide.split(/^## /m).find((each) => each.startsWith(section)) ?? '';
  const blocks = [...text.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].map(([, block = '']) => block);
  const found = blocks.filter((block) => block.includes(containing));
  assert.equal(found.length, 1, `${section}: ${containing}`);
  return found[0] ?? '';
}

/** Returns the command of deploy/README.md that begins so, for the API server of the test. */
function installation(begin: string): string {
  const found = deployment.match(new RegExp(`(?<=[$\`] ?)${begin}[^\`\n]*`));
  assert.ok(found !== null, begin);
  return knowsRules() ? found[0] : found[0].replace('--server-side', '--validate=false');
}

/** Reports whether the API server knows all rules of the CRDs. */
const knowsRules = (): boolean => apiserverMinor() >= 28;

type Scope = 'Cluster' | 'Namespaced';

/** An API as SPO before 1.0 defined it: its older version alone, which keeps all fields. */
function definitionOfSpo({ kind, plural, older }: ConvertedResource, scope: Scope): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${profilesGroup}`,
      annotations: { 'cert-manager.io/inject-ca-from': 'security-profiles-operator/webhook-cert' },
    },
    spec: {
      group: profilesGroup,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: older.name, served: true, storage: true, subresources: { status: {} }, schema }],
    },
  };
}

const namespaces = [
  ...['agents', 'batch', 'catalog', 'edge', 'logging', 'mail', 'shop', 'web'],
  ...['security-profiles-operator', 'security-profiles-staging'],
];
const spoFinalizers = ['in-use-by-active-pods', 'worker-1-deleted'];
const isProfile = (kind: string): boolean => /Profile$/.test(kind);

interface Stored {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly finalizers?: readonly string[];
    readonly annotations?: object;
  };
  readonly spec: JsonObject;
  readonly status?: {
    readonly status?: string;
    readonly storedVersions?: readonly string[];
    readonly conditions?: readonly { readonly type: string }[];
  };
}

for (const scope of ['Namespaced', 'Cluster'] as const) {
  describePeers([...apiserverRequirements, 'kubectl', 'root'], `the guide of a migration from SPO, ${scope}`, () =>
    suite(scope),
  );
}

function suite(scopeBefore: Scope): void {
  let api: Apiserver;
  let operator: Operator | undefined;
  let folder = '';
  let kinds = '';

  const shell = (script: string): Promise<Finished> =>
    run('bash', ['--norc', '-uo', 'pipefail', '-c', `kinds=${kinds}\n${script}`], {
      cwd: folder,
      env: { PATH: `${folder}/bin:${process.env['PATH']}`, HOME: folder },
    });
  const done = async (script: string): Promise<string> => succeeded(await shell(`set -e\n${script}`));
  const get = async (what: string): Promise<readonly Stored[]> =>
    JSON.parse(await done(`kubectl get ${what} -A -o json`)).items;
  const create = async (path: string, object: object): Promise<void> => {
    const { status, body } = await api.request('POST', path, object);
    assert.equal(status, 201, JSON.stringify(body));
  };
  const scopeOf = ({ kind, scope }: ConvertedResource): Scope =>
    isProfile(kind) || kind === 'SecurityProfileNodeStatus' ? scopeBefore : (scope as Scope);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'fairlead-spo-'));
    // Addresses of Services are then on this machine, and the operator listens at that of its own.
    api = await startApiserver({ flags: { 'service-cluster-ip-range': '127.77.0.0/16' } });
    writeTools();
    for (const name of namespaces) await createNamespace(name);
    await defineApisOfSpo();
    writeOldManifests(join(folder, 'deploy'), apiserverMinor());
    const objects = oldManifests().flatMap(({ text }) =>
      objectsIn(text.replace(/: yes$/gm, ': true').replace(/: no$/gm, ': false')),
    );
    const list = { apiVersion: 'v1', kind: 'List', items: objects.filter(isResource).map(asOfSpo) };
    writeFileSync(
      join(folder, 'spo.json'),
      JSON.stringify(list, (_, value) => exact(value)),
    );
    await done('kubectl create -f spo.json');
    await done('kubectl apply -f deploy/workloads.yaml && git init -q && git add deploy');
  });
  after(async () => {
    await operator?.stop();
    await api?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function writeTools(): void {
    mkdirSync(join(folder, 'bin'));
    const tools = {
      kubectl: `${peer('kubectl')} --kubeconfig ${api.kubeconfig}`,
      fairlead: `${process.execPath} ${launcher}`,
    };
    for (const [name, command] of Object.entries(tools)) {
      writeFileSync(join(folder, 'bin', name), `#!/bin/bash\nexec ${command} "$@"\n`);
      chmodSync(join(folder, 'bin', name), 0o755);
    }
  }

  const createNamespace = (name: string): Promise<void> =>
    create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

  async function defineApisOfSpo(): Promise<void> {
    for (const resource of resources) {
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      await create(path, definitionOfSpo(resource, scopeOf(resource)));
    }
    for (const { plural, older } of resources) {
      await until(`${plural} are served`, async () => {
        return (await api.request('GET', `/apis/${profilesGroup}/${older.name}/${plural}`)).status === 200;
      });
    }
  }

  /** Returns an object as it is in a cluster with SPO. */
  function asOfSpo(object: JsonObject): object {
    const resource = resourceOf(textAt(object, 'kind') ?? '');
    const namespace = scopeOf(resource) === 'Cluster' ? undefined : textAt(object, 'metadata', 'namespace');
    const metadata = {
      name: textAt(object, 'metadata', 'name') ?? '',
      ...(namespace === undefined ? {} : { namespace }),
      ...(isProfile(resource.kind) ? { finalizers: spoFinalizers } : {}),
    };
    return { ...object, apiVersion: `${profilesGroup}/${resource.older.name}`, metadata };
  }

  /** Ends a deleted namespace with what is in it, as the controller manager does. */
  async function endNamespace(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${name}`;
    const body = async () => (await api.request('GET', path)).body as { readonly status: { readonly phase: string } };
    await until(`${name} is deleted`, async () => (await body()).status.phase === 'Terminating');
    const contents = resources.filter(({ scope }) => scope === 'Namespaced').map(({ plural }) => plural);
    await done(`kubectl -n ${name} delete ${contents.join(',')} --all`);
    const { status } = await api.request('PUT', `${path}/finalize`, { ...(await body()), spec: { finalizers: [] } });
    assert.equal(status, 200);
  }

  async function startFairlead(): Promise<void> {
    const config = parse(readFileSync(api.kubeconfig, 'utf8'));
    config.users[0].user.as = 'system:serviceaccount:fairlead-system:fairlead-operator';
    const kubeconfig = join(folder, 'operator.kubeconfig');
    writeFileSync(kubeconfig, JSON.stringify(config));
    const address = await done(
      'kubectl -n fairlead-system get service fairlead-operator -o jsonpath={.spec.clusterIP}',
    );
    operator = await startOperator({ kubeconfig, listen: `${address}:443`, log: pino({ level: 'silent' }) });
  }

  it('step 1 lists scopes and stored versions, and saves all objects', async () => {
    const listed = await done(commands('1. ', 'kubectl get crd'));
    assert.match(listed, new RegExp(`^seccompprofiles\\.\\S+ +${scopeBefore} +\\[v1beta1\\]$`, 'm'));
    kinds = (await done(`${commands('1. ', 'spo-backup.json')}\necho $kinds`)).trim();
    assert.equal(kinds.split(',').length, 7);
    const saved = JSON.parse(readFileSync(join(folder, 'spo-backup.json'), 'utf8')).items;
    const wanted = oldManifests().flatMap(({ text }) => objectsIn(text).filter(isResource));
    assert.equal(saved.length, wanted.filter(({ kind }) => kind !== 'SecurityProfileNodeStatus').length);
  });

  it('step 2 rewrites the manifests, after which the check passes', async () => {
    await shell(commands('2. ', '--in-place')).then(succeeded);
    const migrated = JSON.parse(await done(`${commands('2. ', 'profiles.json')}\ncat profiles.json`));
    assert.equal(migrated.items.length, 20);
  });

  it('step 3 stops SPO, and pods can be created', async () => {
    const webhook = {
      name: 'binding.spo.io',
      admissionReviewVersions: ['v1'],
      clientConfig: { service: { name: 'webhook-service', namespace: 'security-profiles-operator' } },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      sideEffects: 'None',
    };
    await create('/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations', {
      metadata: { name: 'spo-mutating-webhook-configuration' },
      webhooks: [webhook],
    });
    const dry = () => shell('kubectl -n web run try --image=try --dry-run=server');
    await until('the webhook is called', async () => (await dry()).code !== 0);
    await done(commands('3. ', 'delete daemonset'));
    await until('a pod is created', async () => (await dry()).code === 0);
  });

  it('step 4 installs the CRDs, and keeps or deletes the objects', async () => {
    if (scopeBefore === 'Namespaced') await done(commands('4. ', 'for kind in'));
    await done(commands('4. ', knowsRules() ? '--force-conflicts' : '--validate=false'));
  });

  it('step 5 copies the files of nodes to the new paths, and overwrites none', async () => {
    const node = join(folder, 'node');
    const files = { 'shop/checkout.json': 'checkout', 'shop/web.json': 'of the shop', 'web.json': 'there' };
    for (const name of ['shop', 'empty']) mkdirSync(join(node, name), { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(node, name), text);
    const copy = commands('5. ', 'cp ');
    assert.match(copy, /^ *cd \/var\/lib\/kubelet\/seccomp\/operator$/m);
    for (let times = 0; times < 2; times++) await done(copy.replace('/var/lib/kubelet/seccomp/operator', node));
    assert.deepEqual(readdirSync(node).toSorted(), ['checkout.json', 'empty', 'shop', 'web.json']);
    assert.equal(readFileSync(join(node, 'checkout.json'), 'utf8'), 'checkout');
    assert.equal(readFileSync(join(node, 'web.json'), 'utf8'), 'there');
  });

  it('step 5 starts Fairlead, and applies the manifests', async () => {
    // kubectl applies all but the PodDisruptionBudget before Kubernetes 1.21, as the document says.
    const installed = await shell(installation('fairlead operator manifests --no-webhooks'));
    assert.equal(installed.code, apiserverMinor() < 21 ? 1 : 0, installed.stderr);
    await startFairlead();
    await done(installation('fairlead operator manifests --webhooks').replace('--validate=false', '--server-side'));
    const apply = commands('5. ', 'kubectl apply -R').split('\n')[0] ?? '';
    // One attempt takes as long as the machine makes it: attempts are counted, not seconds.
    let applied = await shell(apply);
    const isStarting = () => /conversion webhook|failed calling webhook|no answer within/.test(applied.stderr);
    for (let attempts = 1; isStarting() && attempts < 10; attempts++) applied = await shell(apply);
    assert.match(applied.stderr, /pod updates may not change fields/);
    assert.match(applied.stderr, /field is immutable/);
    await done('kubectl -n shop delete --grace-period=0 --force pod probe; kubectl -n batch delete job import');
    await done(commands('5. ', 'kubectl apply -R'));
  });

  it('then has all profiles with a status, without the finalizers of SPO', async () => {
    const profiles = 'seccompprofiles,selinuxprofiles,rawselinuxprofiles,apparmorprofiles';
    await until('all have a status', async () =>
      (await get(profiles)).every(({ status }) => /^(?:Pending|Disabled|Error)$/.test(status?.status ?? '')),
    );
    const found = await get(profiles);
    assert.equal(found.length, 13);
    for (const { kind, metadata, spec } of found) {
      assert.equal(metadata.namespace, undefined);
      assert.ok(!metadata.finalizers?.includes('worker-1-deleted'), `${kind} ${metadata.name}`);
      assert.deepEqual([spec['disabled'], spec['permissive'], spec['complainMode']], [undefined, undefined, undefined]);
    }
    for (const { kind, metadata, status } of await get('profilebindings,profilerecordings')) {
      assert.ok(
        status?.conditions?.some(({ type }) => type === 'NotSupported'),
        `${kind} ${metadata.name}`,
      );
    }
    // Since 1.30 the API server also writes the field of AppArmor, out of the annotation.
    const path = "jsonpath='{..seccompProfile.localhostProfile}'";
    assert.equal(await done(`kubectl -n shop get pod probe -o ${path}`), 'operator/checkout.json');
    await until('no other program writes authorities into the CRDs', async () =>
      (await get('crd -l fairlead.dev/inject-ca=true')).every(
        ({ metadata }) => !JSON.stringify(metadata.annotations ?? {}).includes('cert-manager.io'),
      ),
    );
  });

  it('step 6 rewrites what is stored, which can be read without the operator then', async () => {
    await shell(commands('6. ', 'kubectl replace'));
    await done(commands('6. ', 'storedVersions'));
    for (const { metadata, status } of await get('crd')) {
      if (metadata.name.endsWith(profilesGroup)) assert.deepEqual(status?.storedVersions, ['v1'], metadata.name);
    }
    await operator?.stop();
    assert.equal((await get(kinds)).length, 13 + 3 + 2 + 3);
    await startFairlead();
  });

  it('step 7 removes the rest of SPO, and pods are admitted', async () => {
    await Promise.all([done(commands('7. ', 'delete namespace')), endNamespace('security-profiles-operator')]);
    await until('a pod is admitted', async () => (await shell('kubectl -n web run after --image=after')).code === 0);
  });

  it('the rollback restores the objects for an older SPO', async () => {
    await done('kubectl delete mutatingwebhookconfiguration,validatingwebhookconfiguration fairlead-operator');
    await operator?.stop();
    operator = undefined;
    await done(commands('Rollback', 'for kind in'));
    await createNamespace('security-profiles-operator');
    await defineApisOfSpo();
    await done(commands('Rollback', 'sed '));
    const saved: readonly Stored[] = JSON.parse(readFileSync(join(folder, 'spo-backup.json'), 'utf8')).items;
    const withSpec = (objects: readonly Stored[]) => objects.map(({ kind, spec }) => ({ kind, spec }));
    assert.deepEqual(withSpec(await get(kinds)), withSpec(saved));
  });
}

/** Returns a value that JSON.stringify writes with all digits. */
function exact(value: unknown): unknown {
  if (typeof value !== 'bigint') return value;
  return (JSON as unknown as { rawJSON(json: string): unknown }).rawJSON(`${value}`);
}
