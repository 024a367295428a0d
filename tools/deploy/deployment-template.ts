import { type Path, Template } from './template.ts';

const pod: Path = ['spec', 'template', 'spec'];
const container: Path = [...pod, 'containers', 0];

/** Values of the chart that replace what the Deployment of deploy/operator has. */
export const deploymentValues: Readonly<Record<string, Path>> = {
  replicas: ['spec', 'replicas'],
  resources: [...container, 'resources'],
  nodeSelector: [...pod, 'nodeSelector'],
  affinity: [...pod, 'affinity'],
  priorityClassName: [...pod, 'priorityClassName'],
};

/** The image that the values name. */
export const image =
  '{{ .Values.image.repository }}' +
  '{{ if or .Values.image.tag (not .Values.image.digest) }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}' +
  '{{ with .Values.image.digest }}@{{ . }}{{ end }}';

/** Returns lines that are there under a condition of Helm. */
export const when = (condition: string, ...lines: readonly string[]) =>
  [`{{- ${condition} }}`, ...lines, '{{- end }}'].join('\n');

/** Returns the template of the Deployment. */
export function deploymentTemplate(manifest: string): string {
  const template = new Template(manifest);
  for (const [name, path] of Object.entries(deploymentValues)) {
    template.get(path);
    template.set(path, `{{ toJson .Values.${name} }}`);
  }
  template.set([...container, 'image'], image);
  template.append(container, when('with .Values.image.pullPolicy', 'imagePullPolicy: {{ . }}'));
  template.append(
    pod,
    [
      when('with .Values.image.pullSecrets', 'imagePullSecrets:', '{{- range . }}', '  - name: {{ . }}', '{{- end }}'),
      when('with .Values.tolerations', 'tolerations: {{ toJson . }}'),
    ].join('\n'),
  );
  // The pod is replaced when the policy changes, which the operator reads once.
  template.append(
    ['spec', 'template', 'metadata'],
    when(
      'if .Values.trustPolicy.policy',
      'annotations:',
      '  fairlead.dev/policy-sum: {{ toJson .Values.trustPolicy | sha256sum }}',
    ),
  );
  addArguments(template);
  addVolumes(template);
  return template.toString();
}

function addArguments(template: Template): void {
  const path = [...container, 'args'];
  template.removeComments(path);
  template.append(
    path,
    [
      when('if .Values.clientCASecret', '- --client-ca=/etc/fairlead/clients/ca.crt'),
      when(
        'if .Values.certManager.enabled',
        '- --tls-cert=/etc/fairlead/tls/tls.crt',
        '- --tls-key=/etc/fairlead/tls/tls.key',
      ),
      when('if .Values.trustPolicy.policy', '- --policy=/etc/fairlead/policy/policy.yaml'),
      when('range .Values.extraArgs', '- {{ toJson . }}'),
    ].join('\n'),
  );
}

function addVolumes(template: Template): void {
  const volumes = [...pod, 'volumes'];
  const clients = template.indexOf(volumes, 'clients');
  template.set(
    [...volumes, clients, 'secret', 'secretName'],
    '{{ default "fairlead-operator-clients" .Values.clientCASecret }}',
  );
  template.set([...volumes, clients, 'secret', 'optional'], '{{ not .Values.clientCASecret }}');
  const certificate = 'if .Values.certManager.enabled';
  const policy = 'if .Values.trustPolicy.policy';
  template.append(
    volumes,
    [
      when(certificate, '- name: tls', '  secret: { secretName: fairlead-operator-tls, defaultMode: 0440 }'),
      when(policy, '- name: policy', '  configMap: { name: fairlead-operator-policy }'),
    ].join('\n'),
  );
  template.append(
    [...container, 'volumeMounts'],
    [
      when(certificate, '- { name: tls, mountPath: /etc/fairlead/tls, readOnly: true }'),
      when(policy, '- { name: policy, mountPath: /etc/fairlead/policy, readOnly: true }'),
    ].join('\n'),
  );
}
