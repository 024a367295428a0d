import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { resources } from '#operator/api/resources';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { type ConversionWebhook, startConversionWebhook } from '#test/support/apis/conversion-webhook';
import { type Answer, OperatorCluster, until } from '#test/support/operator-cluster';

const group = 'security-profiles-operator.x-k8s.io';

describePeers(apiserverRequirements, 'the validation of objects of an older version', () => {
  let cluster: OperatorCluster;
  let conversion: ConversionWebhook;
  before(async () => {
    [cluster, conversion] = await Promise.all([OperatorCluster.start(), startConversionWebhook()]);
    for (const resource of resources) await cluster.define(conversion.definition(resource));
    await until('profiles of both versions are validated', async () => {
      const spec = { defaultAction: 'SCMP_ACT_ERRNO', baseProfileName: 'a' };
      return (await create('v1beta1', 'SeccompProfile', 'seccompprofiles', spec, 'a')).status === 403;
    });
  });
  after(async () => {
    await cluster?.stop();
    await conversion?.stop();
  });

  const create = (version: string, kind: string, place: string, spec: object, name = 'nginx'): Promise<Answer> =>
    cluster.request('POST', `/apis/${group}/${version}/${place}?dryRun=All`, {
      apiVersion: `${group}/${version}`,
      kind,
      metadata: { name },
      spec,
    });

  it('is that of v1, to which they are converted: also of fields before 1.0', async () => {
    const place = 'apparmorprofiles';
    const abstract = { filesystem: { readOnlyPaths: ['/etc/**'] } };
    const sound = await create('v1alpha1', 'AppArmorProfile', place, { complainMode: true, abstract });
    assert.equal(sound.status, 201, sound.body.message);
    const wrong = { complainMode: true, abstract: { filesystem: { readOnlyPaths: ['/../etc'] } } };
    const { status, body } = await create('v1alpha1', 'AppArmorProfile', place, wrong);
    assert.equal(status, 403);
    assert.match(
      body.message ?? '',
      /AppArmorProfile nginx: spec\.abstract\.filesystem\.readOnlyPaths\[0\]: "\/\.\.\/etc"/,
    );
  });

  it('names the fields of v1 for settings that are flat', async () => {
    const place = 'namespaces/fairlead-system/securityprofilesoperatordaemons';
    const kind = 'SecurityProfilesOperatorDaemon';
    const sound = await create('v1alpha1', kind, place, { logEnricherFilters: '[]', selinuxTypeTag: 'spc_t' });
    assert.equal(sound.status, 201, sound.body.message);
    const { status, body } = await create('v1alpha1', kind, place, { logEnricherFilters: '[{]' });
    assert.equal(status, 403, body.message);
    assert.match(body.message ?? '', /spec\.enricher\.logEnricherFilters: is not valid JSON/);
  });

  it('is that of v1 for recorders, which have other names', async () => {
    const place = 'namespaces/web/profilerecordings';
    const spec = { kind: 'SeccompProfile', recorder: 'logs', podSelector: {}, containers: ['App'] };
    const { status, body } = await create('v1alpha1', 'ProfileRecording', place, spec);
    assert.equal(status, 403, body.message);
    assert.match(
      body.message ?? '',
      /ProfileRecording web\/nginx: spec\.containers\[0\]: "App" can be the name of no container/,
    );
  });
});
