import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { buildProgram } from '#cli/main';
import type { ListenAddress } from '#lib/http/listen-address';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { run, succeeded } from '#test/support/cli/run';
import { type Installed, readManifests, rendered } from '#test/support/helm/chart';

const directory = fileURLToPath(new URL('../../../deploy/services/kubernetes/', import.meta.url));

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Pod {
  readonly containers: readonly [
    {
      readonly args: readonly string[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
      readonly image: string;
      readonly resources: object;
      readonly livenessProbe: Probe;
      readonly readinessProbe: Probe;
    },
  ];
  readonly volumes: readonly { readonly name: string }[];
  readonly terminationGracePeriodSeconds: number;
}

const manifestsOf = (service: string) => readManifests(readFileSync(`${directory}${service}.yaml`, 'utf8'));
const podOf = (objects: ReadonlyMap<string, Installed>, service: string): Pod => {
  const { spec } = objects.get(`Deployment fairlead-${service}`) as unknown as {
    readonly spec: { readonly template: { readonly spec: Pod } };
  };
  return spec.template.spec;
};

/** Parses the arguments of a container as the program does, without running it. */
async function parsed(args: readonly string[]): Promise<Record<string, unknown>> {
  const program = await buildProgram(args);
  const command = program.commands.find((each) => each.name() === args[0]);
  assert.ok(command);
  command.action(() => {});
  await program.parseAsync(args, { from: 'user' });
  return command.opts();
}

describePeers(['helm', 'kubectl'], 'the push and pull service in Kubernetes', () => {
  for (const service of ['push', 'pull'] as const) {
    it(`runs the ${service} service with arguments that it understands, and asks it where it answers`, async () => {
      const pod = podOf(manifestsOf(service), service);
      const [{ args, ports, volumeMounts, livenessProbe, readinessProbe }] = pod.containers;
      const options = await parsed(args);
      const portOf = (name: string) => ports.find((port) => port.name === name)?.containerPort;
      assert.equal((options[service] as ListenAddress).port, portOf('https'));
      assert.equal((options['health'] as ListenAddress).port, portOf('health'));
      for (const { httpGet } of [livenessProbe, readinessProbe]) assert.equal(httpGet.port, 'health');
      assert.equal(readinessProbe.httpGet.path, '/readyz');
      // Requests end within 30 seconds after the delay (cli/serve/services.ts).
      assert.ok(pod.terminationGracePeriodSeconds > (options['shutdownDelay'] as number) + 30);
      const files = ['policy', 'tlsCert', 'tlsKey', ...(service === 'push' ? ['key', 'tokenFile'] : [])];
      for (const name of files)
        assert.ok(
          volumeMounts.some(({ mountPath }) => String(options[name]).startsWith(`${mountPath}/`)),
          `${name}: ${options[name]}`,
        );
      assert.deepEqual(volumeMounts.map(({ name }) => name).sort(), pod.volumes.map(({ name }) => name).sort());
    });
  }

  it('is installed by the chart as by kustomize, if the values ask for it', async () => {
    const plain = Object.fromEntries([...manifestsOf('push'), ...manifestsOf('pull')]);
    const base = readManifests(succeeded(await run(peer('kubectl'), ['kustomize', directory])));
    assert.deepEqual(Object.fromEntries(base), plain);
    const services = { push: { enabled: true }, pull: { enabled: true }, networkPolicy: true };
    const [objects, others] = [await rendered({ services }), await rendered()];
    const added = [...objects].filter(([name]) => !others.has(name));
    assert.deepEqual(Object.fromEntries(added), plain);
  });

  it('takes replicas, resources, arguments and the image from the values of the chart', async () => {
    const resources = { requests: { cpu: 1, memory: '1Gi' }, limits: { memory: '1Gi' } };
    const pull = { enabled: true, replicas: 1, resources, extraArgs: ['--decision-log=/dev/stdout'] };
    const image = { repository: 'registry.internal/fairlead', tag: '2', pullPolicy: 'Always' };
    const objects = await rendered({ image, services: { pull }, tolerations: [{ operator: 'Exists' }] });
    const pod = podOf(objects, 'pull');
    const [container] = pod.containers;
    assert.deepEqual(container.resources, resources);
    assert.equal(container.args.at(-1), '--decision-log=/dev/stdout');
    assert.equal(container.image, 'registry.internal/fairlead:2');
    assert.ok(!objects.has('Deployment fairlead-push'));
    // One replica can be evicted: with a budget of one, no node could be drained.
    assert.ok(!objects.has('PodDisruptionBudget fairlead-pull'));
    assert.ok(!objects.has('NetworkPolicy fairlead-pull'));
  });
});
