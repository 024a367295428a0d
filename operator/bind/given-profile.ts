import { withNextStep } from '#lib/text/sentence';
import { parseImageName } from '../api/shared/image-name.ts';
import { type Binding, titleOf } from './binding.ts';
import { localhostProfileOf } from './bound-profile.ts';
import { imageRank } from './image-rank.ts';
import { type ResolvingContext, resolveProfile } from './resolve-profile.ts';
import { podBudget } from './specificity.ts';

/**
 * What a binding gives to new pods. Both are undefined if it depends on their images, and a profile
 * of one of them is known.
 */
export interface GivenProfile {
  /** The Localhost profile. */
  readonly profile?: string;
  /** Why it gives none, and the next step. */
  readonly problem?: string;
  /** The problem in a few words. */
  readonly brief?: string;
}

/** Returns what a binding gives to new pods, whatever their images are. */
export function givenProfile(binding: Binding, context: ResolvingContext): GivenProfile {
  if (binding.source.from === 'image') return givenByImages(binding, context);
  const resolution = resolveProfile(binding, undefined, context);
  if ('profile' in resolution) return { profile: localhostProfileOf(resolution.profile) };
  const { problem, brief = problem, hint } = resolution;
  return { problem: withNextStep(problem, hint), brief };
}

function givenByImages(binding: Binding, { namespace, cluster }: ResolvingContext): GivenProfile {
  const kind = binding.kind === 'ClusterArtifactBinding' ? 'ClusterProfileArtifact' : 'ProfileArtifact';
  const attached = cluster
    .imageArtifacts(kind, namespace, undefined)
    .filter((each) => each.kind === 'Seccomp' && canSelect(binding, each.image));
  if (attached.some(({ reference }) => reference !== undefined)) return {};
  const because = attached.map(({ problem }) => problem).find((problem) => problem !== undefined);
  return {
    brief: 'no verified profile of an image is known',
    problem:
      `${titleOf(binding)} takes the profile from the image, and no verified profile of an image is known yet, so that new pods are ` +
      `refused${because === undefined ? '' : `: ${because.replace(/\.$/, '')}`}. Attach a profile with: fairlead push --subject IMAGE@DIGEST. ` +
      `The operator looks up the images that workloads name by their digests; for others, create a ${kind} with spec.image.`,
  };
}

/** Reports whether a binding can select an image, under some tag. */
function canSelect({ images }: Binding, text: string | undefined): boolean {
  const image = parseImageName(text ?? '');
  if (image === undefined || !Array.isArray(images)) return image !== undefined;
  const untagged = images.map(({ tag: _, ...pattern }) => pattern);
  return imageRank(untagged, image, podBudget()) !== undefined;
}
