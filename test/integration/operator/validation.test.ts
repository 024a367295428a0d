import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { parse } from 'yaml';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type Json, OperatorCluster, until } from '#test/support/operator-cluster';
import { profileObject } from '#test/support/profile-object';
import { resources } from '../../../operator/api/resources.ts';

const group = 'security-profiles-operator.x-k8s.io';

interface Answered {
  readonly status: number;
  readonly message: string;
  /** The texts of the Warning headers, as kubectl shows them. */
  readonly warnings: readonly string[];
  readonly body: Json;
}

/**
 * A CRD as one of another version may be: it has the kind, and checks nothing. What is refused, is
 * refused by the webhook.
 */
function laxDefinition({ kind, plural, singular, scope }: (typeof resources)[number]): Json {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' },
    },
    spec: {
      group,
      scope,
      names: { kind, plural, singular },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
}

async function answerOf(response: IncomingMessage): Promise<Answered> {
  const { headers, statusCode: status = 0 } = response;
  const answer = await text(response);
  const isJson = headers['content-type']?.startsWith('application/json') ?? false;
  const body = (isJson ? JSON.parse(answer) : { message: answer }) as Json;
  const raw = Buffer.from(String(headers['warning'] ?? ''), 'latin1').toString();
  const warnings = Array.from(raw.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g), ([, each = '']) =>
    each.replace(/\\(.)/g, '$1'),
  );
  return { status, body, message: String(body['message'] ?? ''), warnings };
}

describePeers(apiserverRequirements, 'the validation of profiles by a real kube-apiserver', () => {
  let cluster: OperatorCluster;
  let credentials: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };

  before(async () => {
    cluster = await OperatorCluster.start();
    const config = parse(readFileSync(cluster.api.kubeconfig, 'utf8')) as Json & {
      readonly clusters: readonly [{ readonly cluster: Record<string, string> }];
      readonly users: readonly [{ readonly user: Record<string, string> }];
    };
    const decode = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64');
    const [{ user }] = config.users;
    credentials = {
      ca: decode(config.clusters[0].cluster['certificate-authority-data']),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
    };
    for (const resource of resources) await cluster.define(laxDefinition(resource));
    await until('every kind is served and validated', async () => {
      const answers = await Promise.all(
        resources.map(({ kind }) => create(profileObject(kind, 'wrong', 'wrong'), '?dryRun=All')),
      );
      return answers.every(({ status }) => status === 403);
    });
  });
  after(() => cluster?.stop());

  const pathOf = (kind: string): string => {
    const resource = resources.find((each) => each.kind === kind);
    const place = resource?.scope === 'Namespaced' ? 'namespaces/fairlead-system/' : '';
    return `/apis/${group}/v1/${place}${resource?.plural}`;
  };

  function send(method: string, at: string, body?: object, contentType = 'application/json'): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const url = new URL(at, cluster.api.url);
      const headers = { 'content-type': contentType, accept: 'application/json' };
      const sent = httpsRequest(url, { method, headers, agent: false, ...credentials }, (response) => {
        answerOf(response).then(resolve, reject);
      });
      sent.once('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
  const create = (object: Json, query = ''): Promise<Answered> =>
    send('POST', pathOf(String(object['kind'])) + query, object);
  const patch = (kind: string, name: string, change: object): Promise<Answered> =>
    send('PATCH', `${pathOf(kind)}/${name}`, change, 'application/merge-patch+json');
  const created = async (object: Json): Promise<void> => {
    const { status, message } = await create(object);
    assert.equal(status, 201, message);
  };
  /** Writes the settings, whether the operator has created the object by now or not. */
  const configure = async (spec: object): Promise<void> => {
    const kind = 'SecurityProfilesOperatorDaemon';
    const { status } = await create(profileObject(kind, spec, 'spod'));
    if (status === 409) assert.equal((await patch(kind, 'spod', { spec })).status, 200);
    else assert.equal(status, 201);
  };
  const remove = (kind: string, name: string): Promise<Answered> => send('DELETE', `${pathOf(kind)}/${name}`);

  const good = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }] };

  it('refuses with the field, the value and the fix, as kubectl shows it', async () => {
    const { status, message, body } = await create(profileObject('SeccompProfile', { defaultAction: 'SCMP_ACT_ALOW' }));
    assert.equal(status, 403);
    assert.equal(body['reason'], 'Forbidden');
    assert.match(
      message,
      /^admission webhook "validate\.profiles\.fairlead\.dev" denied the request: SeccompProfile nginx: spec\.defaultAction: unknown value "SCMP_ACT_ALOW": did you mean SCMP_ACT_ALLOW\? Use one of /,
    );
  });

  it('warns of what is accepted, as lint does', async () => {
    const spec = {
      ...good,
      syscalls: [{ names: ['reed'], action: 'SCMP_ACT_ALLOW' }],
      baseProfileName: 'oci://ghcr.io/a/b:v1',
    };
    const { status, message, warnings } = await create(profileObject('SeccompProfile', spec, 'warned'));
    assert.equal(status, 201, message);
    assert.deepEqual(warnings, [
      'spec.baseProfileName: a tag can be moved to other content; write REFERENCE@sha256:… to keep what was reviewed',
      'spec.syscalls[0].names[0]: "reed" is not a syscall of the listed architectures: did you mean read?',
    ]);
    await remove('SeccompProfile', 'warned');
  });

  it('is quiet about a sound object of each kind, and refuses a broken one', async () => {
    const kinds: readonly [string, unknown, unknown, RegExp][] = [
      [
        'SelinuxProfile',
        { allow: { var_log_t: { file: ['read'] } } },
        { allow: { shadow_t: { file: ['read'] } } },
        /spec\.allow\.shadow_t/,
      ],
      [
        'RawSelinuxProfile',
        { policy: '(blockinherit container)(allow process var_log_t (file (read)))' },
        { policy: '(in x)' },
        /spec\.policy: line 1, column 2/,
      ],
      [
        'AppArmorProfile',
        { abstract: { executable: { allowedExecutables: ['/bin/*'] }, filesystem: {}, network: {}, capability: {} } },
        { abstract: { filesystem: { readOnlyPaths: ['/../x'] } } },
        /readOnlyPaths\[0\]/,
      ],
      [
        'ProfileBinding',
        { profileRef: { kind: 'SeccompProfile', name: 'a' }, image: '*' },
        { profileRef: { kind: 'SeccompProfile', name: 'a' }, image: 'a b' },
        /spec\.image/,
      ],
      [
        'ProfileRecording',
        { kind: 'AppArmorProfile', recorder: 'Bpf', podSelector: { matchLabels: { a: 'b' } } },
        { kind: 'AppArmorProfile', recorder: 'Logs', podSelector: {} },
        /spec\.recorder/,
      ],
      [
        'SecurityProfilesOperatorDaemon',
        { hostProcVolumePath: '/proc' },
        { hostProcVolumePath: '/' },
        /spec\.hostProcVolumePath/,
      ],
      ['SecurityProfileNodeStatus', { nodeName: 'node-1' }, { nodeName: 'a/b' }, /spec\.nodeName/],
    ];
    for (const [kind, sound, broken, says] of kinds) {
      const accepted = await create(profileObject(kind, sound, 'sound'), '?dryRun=All');
      const warnings = accepted.warnings.filter((warning) => !/: has no effect: this version of /.test(warning));
      assert.deepEqual([accepted.status, warnings], [201, []], `${kind}: ${accepted.message}`);
      const refused = await create(profileObject(kind, broken, 'broken'));
      assert.equal(refused.status, 403, kind);
      assert.match(refused.message, says);
    }
  });

  it('lets an object that was stored before be labelled, corrected and deleted, and not be spoiled further', async () => {
    await stopped(async () => {
      for (const name of ['old', 'held']) {
        await created(
          changed(profileObject('SeccompProfile', { defaultAction: 'DENY', x: 1 }, name), {
            finalizers: ['example.com/held'],
          }),
        );
      }
    });
    const labelled = await patch('SeccompProfile', 'old', { metadata: { labels: { a: 'b' } } });
    assert.equal(labelled.status, 200, labelled.message);
    const status = await send(
      'PATCH',
      `${pathOf('SeccompProfile')}/old/status`,
      { status: { status: 'Error' } },
      'application/merge-patch+json',
    );
    assert.equal(status.status, 200, status.message);
    assert.equal((await patch('SeccompProfile', 'old', { spec: { flags: ['X'] } })).status, 403);
    assert.equal((await patch('SeccompProfile', 'old', { spec: { x: 2 } })).status, 200);
    assert.equal((await patch('SeccompProfile', 'old', { spec: { defaultAction: 'SCMP_ACT_ERRNO' } })).status, 200);
    assert.equal((await patch('SeccompProfile', 'old', { spec: { defaultAction: 'DENY' } })).status, 403);
    for (const name of ['old', 'held']) {
      assert.equal((await remove('SeccompProfile', name)).status, 200);
      const freed = await patch('SeccompProfile', name, { metadata: { finalizers: null } });
      assert.equal(freed.status, 200, freed.message);
      assert.equal((await send('GET', `${pathOf('SeccompProfile')}/${name}`)).status, 404);
    }
  });

  it('lets an invalid object of 1.4 MiB be changed in its metadata, and be deleted', async () => {
    const names = Array.from({ length: 60_000 }, (_, index) => `call_${index}_${'x'.repeat(10)}`);
    const spec = { ...good, syscalls: [{ names, action: 'SCMP_ACT_NONE' }] };
    await stopped(() =>
      created(changed(profileObject('SeccompProfile', spec, 'large'), { finalizers: ['example.com/held'] })),
    );
    assert.equal((await patch('SeccompProfile', 'large', { metadata: { labels: { a: 'b' } } })).status, 200);
    assert.equal((await remove('SeccompProfile', 'large')).status, 200);
    assert.equal((await patch('SeccompProfile', 'large', { metadata: { finalizers: null } })).status, 200);
    assert.equal((await create(profileObject('SeccompProfile', spec, 'large'))).status, 403);
  });

  it('follows the settings of the administrator from the first moment', async () => {
    assert.equal((await create(profileObject('SeccompProfile', good), '?dryRun=All')).status, 201);
    await configure({ security: { allowedSyscalls: ['write'] } });
    const refused = await create(profileObject('SeccompProfile', good));
    assert.equal(refused.status, 403);
    assert.match(refused.message, /spec\.syscalls\[0\]\.names\[0\]: "read" is not among allowedSyscalls/);
    await configure({ security: { allowedSyscalls: ['read'] } });
    assert.equal((await create(profileObject('SeccompProfile', good), '?dryRun=All')).status, 201);
    await remove('SecurityProfilesOperatorDaemon', 'spod');
  });

  it('accepts nothing while the settings are invalid, and reports them', async () => {
    await stopped(() => configure({ security: { allowedSyscalls: 'read' } }));
    const { status, message } = await create(profileObject('SeccompProfile', good));
    assert.equal(status, 500);
    assert.match(
      message,
      /SecurityProfilesOperatorDaemon fairlead-system\/spod is invalid: spec\.security\.allowedSyscalls.*Correct it/,
    );
    await remove('SecurityProfilesOperatorDaemon', 'spod');
    assert.equal((await create(profileObject('SeccompProfile', good), '?dryRun=All')).status, 201);
  });

  it('counts a profile in error under the name that the metric has in the Security Profiles Operator', async () => {
    await created(profileObject('SeccompProfile', { ...good, baseProfileName: 'none' }, 'without-base'));
    const counted =
      /^security_profiles_operator_seccomp_profile_error_total\{reason="InvalidSeccompProfile",service="operator"\} 1$/m;
    await until('the error is counted', async () => counted.test(await scrape()));
    await remove('SeccompProfile', 'without-base');
  });

  async function scrape(): Promise<string> {
    const ca = readFileSync(cluster.file('ca.crt'));
    const sent = httpsRequest(`https://${cluster.address}/metrics`, { ca, agent: false }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return text(response);
  }

  const changed = (object: Json, metadata: Json): Json => ({
    ...object,
    metadata: { ...(object['metadata'] as Json), ...metadata },
  });

  /** Does something while the webhook is not called, as before it was installed. */
  async function stopped(work: () => Promise<void>): Promise<void> {
    const at = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/fairlead-operator';
    const { body } = await send('GET', at);
    const webhooks = body['webhooks'] as Json[];
    const rest = webhooks.filter(({ name }) => name !== 'validate.profiles.fairlead.dev');
    assert.equal((await send('PATCH', at, { webhooks: rest }, 'application/merge-patch+json')).status, 200);
    const isCalled = async () => (await create(profileObject('SeccompProfile', 5, 'x'), '?dryRun=All')).status !== 201;
    await until('the webhook is not called', async () => !(await isCalled()));
    await work();
    assert.equal((await send('PATCH', at, { webhooks }, 'application/merge-patch+json')).status, 200);
    await until('the webhook is called', isCalled);
  }
});
