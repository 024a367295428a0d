import * as v from 'valibot';
import { conditionsSchema, observedGenerationSchema } from '../shared/condition.ts';
import { atomicListOf, kubernetes, rule } from '../shared/kubernetes.ts';

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(2048));
const described = (description: string) => v.optional(v.pipe(text, v.description(description)));

const keylessSchema = v.object({
  issuer: described('The issuer, compared exactly.'),
  issuerPattern: described('The issuer, in which * is any part without /, and ** any part.'),
  identity: described('The identity, compared exactly.'),
  identityPattern: described('The identity, in which * is any part without /, and ** any part.'),
  claims: v.optional(
    v.pipe(
      v.object({
        repository: described('The repository of the sources.'),
        ref: described('The branch or tag.'),
        workflow: described('The workflow.'),
        trigger: described('What started the workflow.'),
        runner: described('Where the workflow ran.'),
      }),
      v.description('The build claims of the certificate, compared exactly.'),
    ),
  ),
});

const alternativeEntries = {
  key: v.optional(
    v.pipe(v.string(), v.minLength(1), v.maxLength(8192), v.description('A public key, in PEM, as in cosign.pub.')),
  ),
  keyless: v.optional(v.pipe(keylessSchema, v.description('An identity in a Sigstore certificate.'))),
};

const requirementEntries = {
  ...alternativeEntries,
  anyOf: v.optional(
    v.pipe(
      atomicListOf(v.object(alternativeEntries)),
      v.minLength(1),
      v.maxLength(64),
      v.description('Several signers, of whom one must have signed, or threshold of them.'),
    ),
  ),
  threshold: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(1),
      v.maxValue(64),
      kubernetes({ format: 'int32' }),
      v.description('How many different signers are required. One by default.'),
    ),
  ),
};

const attestationSchema = v.object({
  type: v.pipe(text, v.description('The type of predicate, such as slsaprovenance1, or its URI.')),
  builder: described('The builder that the provenance states.'),
  repository: described('The repository that the provenance states.'),
  ref: described('The branch or tag that the provenance states.'),
  workflow: described('The workflow that the provenance states.'),
  by: v.optional(v.pipe(v.object(requirementEntries), v.description('Who must have signed the attestation.'))),
});

const ruleSchema = v.object({
  match: v.pipe(
    v.string(),
    v.minLength(1),
    v.maxLength(512),
    v.description('The repositories that the rule is about: registry/repository with * and **.'),
  ),
  kinds: v.optional(
    v.pipe(
      atomicListOf(v.picklist(['Seccomp', 'AppArmor'])),
      v.minLength(1),
      v.description('The kinds of profiles that the rule is about. All by default.'),
    ),
  ),
  require: v.optional(
    v.pipe(
      atomicListOf(v.object(requirementEntries)),
      v.minLength(1),
      v.maxLength(64),
      v.description('Who must have signed: each entry must be met.'),
    ),
  ),
  attestations: v.optional(
    v.pipe(
      atomicListOf(attestationSchema),
      v.minLength(1),
      v.maxLength(16),
      v.description('Attestations that the artifact must have.'),
    ),
  ),
  transparencyLog: v.optional(
    v.pipe(v.picklist(['off', 'optional', 'required']), v.description('How entries in transparency logs are used.')),
  ),
  signedRepository: described('The repository that signatures must name, or same.'),
  unsigned: v.optional(
    v.pipe(v.boolean(), v.description('True: unsigned artifacts are accepted, and nothing else may be required.')),
  ),
  log: v.optional(
    v.pipe(
      v.boolean(),
      v.description('True: the artifact may be applied in mode Log, where nodes only log what it refuses.'),
    ),
  ),
});

const trustedRootObject = v.object({
  json: v.optional(
    v.pipe(
      v.string(),
      v.minLength(1),
      v.maxLength(262144),
      v.description('A Sigstore trusted root (trusted_root.json), as text.'),
    ),
  ),
  tuf: v.optional(
    v.pipe(
      v.object({
        url: v.pipe(
          text,
          ...rule<string>({
            rule: "self.startsWith('https://') || self.startsWith('http://')",
            message: 'must be an https:// or http:// URL',
            holds: (url) => /^https?:\/\//.test(url) && URL.canParse(url),
          }),
          v.description('The URL of the repository.'),
        ),
        root: v.pipe(
          v.string(),
          v.minLength(1),
          v.maxLength(262144),
          v.description('The initial trusted root of the repository (root.json), as text.'),
        ),
      }),
      v.description('A TUF repository that has the trusted root.'),
    ),
  ),
});

const trustedRootSchema = v.pipe(
  trustedRootObject,
  ...rule<v.InferOutput<typeof trustedRootObject>>({
    rule: 'has(self.json) != has(self.tuf)',
    message: 'must have either json or tuf',
    holds: ({ json, tuf }) => (json === undefined) !== (tuf === undefined),
  }),
);

/** TrustPolicy v1alpha1. */
export const trustPolicySchema = v.object({
  spec: v.pipe(
    v.object({
      rules: v.optional(
        v.pipe(
          atomicListOf(ruleSchema),
          v.maxLength(1000),
          v.description('The rules, in order: the first that matches decides. Nothing is allowed without a rule.'),
        ),
      ),
      trustedRoot: v.optional(
        v.pipe(
          trustedRootSchema,
          v.description(
            'The authorities and logs of keyless signatures. By default those of the public Sigstore instance.',
          ),
        ),
      ),
    }),
    v.description('Who may publish what, as in the trust policy of a node, without what is the business of nodes.'),
  ),
  status: v.optional(
    v.pipe(
      v.object({
        observedGeneration: observedGenerationSchema('status'),
        revision: v.optional(v.pipe(v.string(), v.description('The revision in force, a hash.'))),
        conditions: v.optional(conditionsSchema),
      }),
      v.description('What the operator reports of the policy.'),
    ),
  ),
});

/** TrustPolicy v1alpha1. */
export type TrustPolicyObject = v.InferOutput<typeof trustPolicySchema>;
