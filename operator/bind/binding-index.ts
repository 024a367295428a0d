import { selects } from '../api/label-selector.ts';
import type { Binding } from './binding.ts';

type Labels = ReadonlyMap<string, string>;

const known = new WeakMap<readonly Binding[], BindingIndex>();

/**
 * Finds bindings by labels. Hundreds of bindings may be for a namespace, of which few select a pod:
 * those with `matchLabels` are looked up by their first label.
 */
export class BindingIndex {
  readonly #bindings: readonly Binding[];
  readonly #byNamespaceLabels = new WeakMap<Labels, readonly Binding[]>();
  /** The positions of bindings by a label that a pod must have. */
  readonly #byPodLabel: ReadonlyMap<string | undefined, readonly number[]>;
  /** Whether a binding selects namespaces by their labels. */
  readonly selectsNamespaces: boolean;

  private constructor(bindings: readonly Binding[]) {
    this.#bindings = bindings;
    this.selectsNamespaces = bindings.some(({ namespaceSelector }) => namespaceSelector !== undefined);
    this.#byPodLabel = Map.groupBy(bindings.keys(), (position) => requiredLabel(bindings[position]));
  }

  /** Returns the index of an array, which must not change: it is made once. */
  static of(bindings: readonly Binding[]): BindingIndex {
    const index = known.get(bindings) ?? new BindingIndex(bindings);
    known.set(bindings, index);
    return index;
  }

  /**
   * Returns the bindings that are for namespaces with these labels: the same array for the same
   * map.
   */
  forNamespace(labels: Labels): readonly Binding[] {
    const bindings =
      this.#byNamespaceLabels.get(labels) ??
      this.#bindings.filter(
        ({ namespaceSelector }) => namespaceSelector === undefined || selects(namespaceSelector, labels),
      );
    this.#byNamespaceLabels.set(labels, bindings);
    return bindings;
  }

  /** Returns the bindings that select pods with these labels, in their order. */
  forPod(labels: Labels): readonly Binding[] {
    const positions = [...(this.#byPodLabel.get(undefined) ?? [])];
    for (const label of labels) positions.push(...(this.#byPodLabel.get(label.join('=')) ?? []));
    return positions
      .sort((a, b) => a - b)
      .flatMap((position) => this.#bindings[position] ?? [])
      .filter(({ podSelector }) => selects(podSelector, labels));
  }
}

/** Returns a label that each pod has that a binding selects, as `key=value`, if it names one. */
function requiredLabel(binding: Binding | undefined): string | undefined {
  const [label] = Object.entries(binding?.podSelector.matchLabels ?? {});
  return label?.join('=');
}
