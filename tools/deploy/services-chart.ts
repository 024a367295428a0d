import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseDocument } from 'yaml';
import { documentsOf } from '#operator/manifests/installation';
import { image, when } from './deployment-template.ts';
import { type Path, Template } from './template.ts';

const directory = join(import.meta.dirname, '../../deploy/services/kubernetes');
const services = ['pull', 'push'] as const;
type Service = (typeof services)[number];

const pod: Path = ['spec', 'template', 'spec'];
const container: Path = [...pod, 'containers', 0];

/** Values of each service that replace what its Deployment has. */
const values: Readonly<Record<string, Path>> = {
  replicas: ['spec', 'replicas'],
  resources: [...container, 'resources'],
};

/** When the objects of a service are installed, by kind; always by default. */
const conditions: Readonly<Record<string, (service: Service) => string>> = {
  PodDisruptionBudget: (service) =>
    `and (gt (int .Values.services.${service}.replicas) 1) ` +
    '(semverCompare ">=1.21.0-0" .Capabilities.KubeVersion.Version)',
  NetworkPolicy: () => '.Values.services.networkPolicy',
};

/** Returns the templates of the chart for the push and pull service, by their paths in it. */
export function servicesTemplates(): Readonly<Record<string, string>> {
  const templates = services.map((service) => {
    const objects = manifestsOf(service).map((manifest) => templateOf(service, manifest));
    const text = when(`if .Values.services.${service}.enabled`, objects.join('---\n').trimEnd());
    return [`templates/${service}.yaml`, `${text}\n`];
  });
  return Object.fromEntries(templates);
}

/** Returns values.yaml with what the Deployments of the services have in place of its values. */
export function servicesValues(text: string): string {
  const document = parseDocument(text);
  for (const service of services) {
    const deployment = new Template(manifestsOf(service).find((manifest) => kindOf(manifest) === 'Deployment') ?? '');
    for (const [name, path] of Object.entries(values))
      document.setIn(['services', service, name], document.createNode(deployment.get(path)));
  }
  return document.toString({ lineWidth: 0 });
}

function manifestsOf(service: Service): readonly string[] {
  return documentsOf(readFileSync(join(directory, `${service}.yaml`), 'utf8'));
}

function kindOf(manifest: string): string {
  return (parse(manifest) as { readonly kind: string }).kind;
}

function templateOf(service: Service, manifest: string): string {
  const kind = kindOf(manifest);
  const text = kind === 'Deployment' ? deployment(service, manifest) : new Template(manifest).toString();
  const condition = conditions[kind];
  return condition === undefined ? text : `${when(`if ${condition(service)}`, text.trimEnd())}\n`;
}

function deployment(service: Service, manifest: string): string {
  const template = new Template(manifest);
  for (const [name, path] of Object.entries(values)) {
    template.get(path);
    template.set(path, `{{ toJson .Values.services.${service}.${name} }}`);
  }
  template.set([...container, 'image'], image);
  template.set([...pod, 'nodeSelector'], '{{ toJson .Values.nodeSelector }}');
  template.append([...container, 'args'], when(`range .Values.services.${service}.extraArgs`, '- {{ toJson . }}'));
  template.append(container, when('with .Values.image.pullPolicy', 'imagePullPolicy: {{ . }}'));
  template.append(
    pod,
    [
      when('with .Values.image.pullSecrets', 'imagePullSecrets:', '{{- range . }}', '  - name: {{ . }}', '{{- end }}'),
      when('with .Values.tolerations', 'tolerations: {{ toJson . }}'),
    ].join('\n'),
  );
  return template.toString();
}
