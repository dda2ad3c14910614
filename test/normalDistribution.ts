/** The normal distribution function by Simpson's rule over [0, x]: good to 1e-9 for |x| < 6. */
export function normalDistribution(x: number): number {
  const parts = 400;
  const h = x / parts;
  const density = (t: number) => Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI);
  let sum = density(0) + density(x);
  for (let i = 1; i < parts; i++) sum += (i % 2 === 1 ? 4 : 2) * density(i * h);
  return 0.5 + (sum * h) / 3;
}
