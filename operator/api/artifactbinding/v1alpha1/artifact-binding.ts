import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { describeIssue } from '../../describe-issue.ts';
import type { LabelSelector } from '../../label-selector.ts';
import { pinnedReferenceSchema } from '../../shared/artifact-reference.ts';
import { bindingEntries } from '../../shared/bound-profile.ts';

/**
 * An ArtifactBinding: the pods of its namespace that the selector selects run under this artifact.
 */
export interface ArtifactBinding {
  readonly name: string;
  /**
   * `registry/repository@sha256:<64 hex>`: never a tag, so that a binding means the same bytes on
   * every node.
   */
  readonly reference: string;
  readonly podSelector: LabelSelector;
  /**
   * What to intersect the artifact with: `RuntimeDefault`, or the path of a file relative to the
   * seccomp directory of the kubelet.
   */
  readonly base?: string | undefined;
}

/** One page of a list answer of the API server. */
export interface BindingPage {
  readonly bindings: readonly ArtifactBinding[];
  /** Reports whether there are more than on this page. */
  readonly more: boolean;
}

const bindingSchema = v.pipe(
  v.object({
    metadata: v.object({ name: v.string() }),
    spec: v.object({
      ...{ kind: bindingEntries.kind, base: bindingEntries.base, podSelector: bindingEntries.podSelector },
      reference: pinnedReferenceSchema,
    }),
  }),
  v.transform(
    ({ metadata, spec }): ArtifactBinding => ({
      name: metadata.name,
      reference: spec.reference,
      podSelector: spec.podSelector,
      base: spec.base,
    }),
  ),
);

const pageSchema = v.object({
  metadata: v.object({ continue: v.optional(v.string()) }),
  // Go writes an empty list as null.
  items: v.nullable(v.array(v.unknown()), []),
});

/**
 * Reads a list of ArtifactBindings as the API server answers it (JSON). The API server has checked
 * them against the CRD's schema, and the webhook for bindings by {@link parseBinding}; they are
 * checked again because both in the cluster may be older or edited ones. One bad binding makes the
 * whole list InvalidInput, naming it: whom it would have selected cannot be known.
 */
export function parseBindingPage(json: string): BindingPage {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the list of ArtifactBindings is not valid JSON', { cause });
  }
  const page = v.safeParse(pageSchema, value);
  if (!page.success) {
    throw new FairleadError('InvalidInput', `invalid list of ArtifactBindings: ${v.summarize(page.issues)}`);
  }
  return {
    bindings: page.output.items.map((item, index) => parseBinding(item, `number ${index}`)),
    more: (page.output.metadata.continue ?? '') !== '',
  };
}

/**
 * Reads an ArtifactBinding, called `unnamed` if it has no name. Throws InvalidInput that names the
 * field at fault.
 */
export function parseBinding(item: unknown, unnamed = 'without a name'): ArtifactBinding {
  const parsed = v.safeParse(bindingSchema, item);
  if (parsed.success) return parsed.output;
  const named = v.safeParse(v.object({ metadata: v.object({ name: v.string() }) }), item);
  const name = named.success ? JSON.stringify(named.output.metadata.name) : unnamed;
  throw new FairleadError(
    'InvalidInput',
    `ArtifactBinding ${name}: ${describeIssue(parsed.issues[0], 'the binding')}`,
    {
      hint:
        'Correct the binding, or delete it: no pod of its namespace is admitted until then. The CRD and the webhooks ' +
        'of this version of Fairlead (deploy/operator) refuse such a binding.',
    },
  );
}
