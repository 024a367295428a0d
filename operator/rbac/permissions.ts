import { allResources, resources } from '../api/resources.ts';
import { daemonName } from '../api/securityprofilesoperatordaemon/v1.ts';
import { fairleadGroup, profilesGroup } from '../api/shared/resource-definition.ts';
import { secretName } from '../certificates/certificate-secret.ts';
import { leaseName } from '../controllers/lease-name.ts';
import { profileResources } from '../controllers/profile-kinds.ts';
import { reportName, reportResources } from '../controllers/stored-policy-report.ts';

/** What the operator may do with a resource of the API server. */
export interface Permission {
  /** Empty for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** The objects that it is about; all by default. */
  readonly names?: readonly string[];
  /** `own` is the namespace of the operator. */
  readonly namespaces: 'all' | 'own';
  /** What needs it: becomes a comment in rbac.yaml. */
  readonly reason: string;
}

const profiles = Object.values(profileResources).map(({ plural }) => plural);
/** Kinds that are stored only, as a condition of theirs states. */
const unsupported = ['securityprofilesoperatordaemons', 'profilerecordings', 'profilebindings'];

/** Kinds of which the operator reports in the status. */
const followed = ['profileartifacts', 'clusterprofileartifacts', 'trustpolicies'];

const webhookConfigurations = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];

/**
 * All calls of the API server that the operator makes. deploy/operator/rbac.yaml is generated from
 * it, and a test compares it with the audit log of an API server.
 */
export const permissions: readonly Permission[] = [
  ...['artifactbindings', 'clusterartifactbindings'].flatMap((resource): Permission[] => [
    {
      group: fairleadGroup,
      resource,
      verbs: ['list', 'watch'],
      namespaces: 'all',
      reason: 'For each pod, the bindings of its namespace and of the cluster are read.',
    },
    {
      group: fairleadGroup,
      resource: `${resource}/status`,
      verbs: ['patch'],
      namespaces: 'all',
      reason: 'On which pods they decide.',
    },
  ]),
  ...(
    [
      [fairleadGroup, 'artifactbindings', 'own'],
      [fairleadGroup, 'clusterartifactbindings', 'all'],
      [profilesGroup, 'profilebindings', 'own'],
    ] as const
  ).map(
    ([group, resource, namespaces]): Permission => ({
      group,
      resource,
      verbs: ['create'],
      namespaces,
      reason: 'The binding fairlead-marker, whose changes show that the bindings in memory are current.',
    }),
  ),
  ...followed.map(
    (resource): Permission => ({
      group: fairleadGroup,
      resource,
      verbs: ['list', 'watch'],
      namespaces: 'all',
      reason: 'The artifacts that bindings refer to and that are verified, and the trust policy for it.',
    }),
  ),
  ...followed.map(
    (resource): Permission => ({
      group: fairleadGroup,
      resource: `${resource}/status`,
      verbs: ['patch'],
      namespaces: 'all',
      reason: 'What was verified, and why what was refused.',
    }),
  ),
  ...['profileartifacts', 'clusterprofileartifacts'].map(
    (resource): Permission => ({
      group: fairleadGroup,
      resource,
      verbs: ['create', 'delete'],
      namespaces: 'all',
      reason: 'For bindings that take the profile from the image.',
    }),
  ),
  ...(
    [
      ['apps', 'replicasets'],
      ['apps', 'statefulsets'],
      ['apps', 'daemonsets'],
      ['batch', 'jobs'],
      ['', 'replicationcontrollers'],
    ] as const
  ).map(
    ([group, resource]): Permission => ({
      group,
      resource,
      verbs: ['list', 'watch'],
      namespaces: 'all',
      reason: 'The images of their pods, whose profiles are verified before there are pods.',
    }),
  ),
  {
    group: 'security-profiles-operator.x-k8s.io',
    resource: 'securityprofilesoperatordaemons',
    verbs: ['get'],
    names: [daemonName],
    namespaces: 'own',
    reason: 'The settings by which profiles are validated.',
  },
  {
    group: 'security-profiles-operator.x-k8s.io',
    resource: 'securityprofilesoperatordaemons',
    verbs: ['create'],
    namespaces: 'own',
    reason: 'The same object, without settings. RBAC knows no names of objects that do not exist yet.',
  },
  {
    group: '',
    resource: 'namespaces',
    verbs: ['get', 'list', 'watch'],
    namespaces: 'all',
    reason: 'Bindings of the cluster select namespaces by their labels. One that was just created is read.',
  },
  ...webhookConfigurations.flatMap((resource): Permission[] => [
    {
      group: 'admissionregistration.k8s.io',
      resource,
      verbs: ['list', 'watch'],
      namespaces: 'all',
      reason: 'Those with the label fairlead.dev/inject-ca are followed.',
    },
    {
      group: 'admissionregistration.k8s.io',
      resource,
      verbs: ['patch'],
      names:
        resource === 'validatingwebhookconfigurations'
          ? ['fairlead-operator', 'fairlead-operator-namespaces']
          : ['fairlead-operator'],
      namespaces: 'all',
      reason: 'The certificate authorities are written into them.',
    },
  ]),
  {
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    verbs: ['list', 'watch'],
    namespaces: 'all',
    reason: 'Those with the label fairlead.dev/inject-ca are followed.',
  },
  {
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    verbs: ['patch'],
    names: resources.map(({ plural }) => `${plural}.${profilesGroup}`),
    namespaces: 'all',
    reason: 'The certificate authorities are written into their conversion webhooks.',
  },
  {
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    verbs: ['get'],
    names: allResources.map(({ plural, group }) => `${plural}.${group}`),
    namespaces: 'all',
    reason: 'Those of an older version are reported.',
  },
  ...profiles.map(
    (resource): Permission => ({
      group: profilesGroup,
      resource,
      // A base profile is read with all digits of its numbers.
      verbs: resource === 'seccompprofiles' ? ['get', 'list', 'patch', 'watch'] : ['list', 'patch', 'watch'],
      namespaces: 'all',
      reason: 'Their finalizers, and annotations with merged base profiles.',
    }),
  ),
  ...unsupported.map(
    (resource): Permission => ({
      group: profilesGroup,
      resource,
      verbs: ['list', 'patch', 'watch'],
      namespaces: 'all',
      reason: 'Finalizers of the Security Profiles Operator are removed from deleted ones.',
    }),
  ),
  ...[...profiles, ...unsupported].map(
    (resource): Permission => ({
      group: profilesGroup,
      resource: `${resource}/status`,
      verbs: ['patch'],
      namespaces: 'all',
      reason: 'Their states and conditions.',
    }),
  ),
  {
    group: profilesGroup,
    resource: 'securityprofilenodestatuses',
    verbs: ['delete', 'list', 'watch'],
    namespaces: 'all',
    reason: 'Reports of nodes that no longer exist are deleted.',
  },
  ...['pods', 'nodes'].map(
    (resource): Permission => ({
      group: '',
      resource,
      verbs: ['list', 'watch'],
      namespaces: 'all',
      reason: 'Which profiles are in use, and which nodes exist.',
    }),
  ),
  ...reportResources.flatMap(({ group, plural: resource }): Permission[] => [
    {
      group,
      resource,
      verbs: ['delete', 'get', 'list', 'patch', 'watch'],
      names: [reportName],
      namespaces: 'all',
      reason: 'The coverage of pods, for dashboards that read reports.',
    },
    {
      group,
      resource,
      verbs: ['create'],
      namespaces: 'all',
      reason: 'The same reports. RBAC knows no names of objects that do not exist yet.',
    },
  ]),
  {
    group: '',
    resource: 'events',
    verbs: ['create', 'patch'],
    namespaces: 'all',
    reason: 'Events about profiles, with the times and numbers that kubectl shows.',
  },
  {
    group: 'events.k8s.io',
    resource: 'events',
    verbs: ['list', 'watch'],
    namespaces: 'all',
    reason: 'Why nodes refuse artifacts: of sandboxes that cannot be created, only an event states it.',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'update'],
    names: [leaseName],
    namespaces: 'own',
    reason: 'One replica runs the controllers.',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['create'],
    namespaces: 'own',
    reason: 'The same Lease. RBAC knows no names of objects that do not exist yet.',
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['update'],
    names: [secretName],
    namespaces: 'own',
    reason: 'The certificates of the webhooks.',
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get'],
    namespaces: 'own',
    reason: 'The pull secrets of ClusterProfileArtifacts.',
  },
  {
    group: '',
    resource: 'secrets',
    verbs: ['create'],
    namespaces: 'own',
    reason: 'The same Secret. RBAC knows no names of objects that do not exist yet.',
  },
];
