/** The label of the objects into which the operator writes the authorities of its certificate. */
export const injectLabel = 'fairlead.dev/inject-ca';
