// augment_blur — one half of a Gaussian blur: along the rows, or then along the columns, where the
// result is normalised as well.
//
//   y[p] = Σ_k g(k) · x[reflect(p + k)] / Σ_k g(k)      g(k) = exp(−k² / 2σ²), |k| ≤ radius
//   AXIS 1 also: y[p,c] ← (y[p,c] − mean[c]) / std[c]
//
//   x      vec4<f32>[batch, size, size]       red, green, blue, anything
//   draws  Draw[batch]                        σ, as a share of the side
//   y      f32[batch, size, size, 4 or 3]     AXIS 0: as x, with 0; AXIS 1: red, green, blue
//
// Reflected about the outermost pixels, which are not repeated; so radius < size. PART pixels of an
// image per workgroup; threads stride over them by WG.
//
// The weights follow from each other, g(k+1) = g(k) · f(k) with f(k+1) = f(k) · g(1)², so there is
// one exponential per thread. A relative error ε of g(1) becomes k² · ε of g(k), so at most 2σ²/e
// · ε of the middle weight. A σ under 0.001 pixels counts as that much and blurs nothing.
//
// Source: torchvision 0.14.1, gaussian_blur (padding "reflect") and normalize.

const WG: u32 = 64; // threads per workgroup
const PART: u32 = 1024; // pixels per workgroup
const AXIS: u32 = 0; // 0: along the rows, 1: along the columns, and normalise
const LEAST_VARIANCE: f32 = 1e-6;

struct Params {
  batch: u32,
  size: u32,
  radius: u32,
  mean_r: f32,
  mean_g: f32,
  mean_b: f32,
  std_r: f32,
  std_g: f32,
  std_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> draws: array<Draw>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let size = params.size;
  let pixels = size * size;
  let parts = (pixels + PART - 1u) / PART;
  let part = linear_workgroup(group, groups);
  let b = part / parts;
  if (b >= params.batch) {
    return;
  }
  let mean = vec3<f32>(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3<f32>(params.std_r, params.std_g, params.std_b);
  let sigma = draws[b].sigma * f32(size);
  let g1 = exp(-0.5 / max(sigma * sigma, LEAST_VARIANCE));
  let stride = select(1u, size, AXIS == 1u);
  let begin = (part - b * parts) * PART + thread;
  let end = min(begin - thread + PART, pixels);
  let step_rows = WG / size;
  let step_columns = WG % size;
  var row = begin / size;
  var column = begin % size;
  for (var p = begin; p < end; p += WG) {
    let i = b * pixels + p;
    let at = select(column, row, AXIS == 1u);
    let line = i - at * stride;
    var sum = x[i].rgb;
    var total = 1.0;
    var weight = 1.0;
    var factor = g1;
    var k = 1u;
    loop {
      weight *= factor;
      factor *= g1 * g1;
      let before = u32(abs(i32(at) - i32(k)));
      let after = min(at + k, 2u * (size - 1u) - at - k);
      sum += weight * (x[line + before * stride].rgb + x[line + after * stride].rgb);
      total += 2.0 * weight;
      continuing {
        k++;
        break if k > params.radius;
      }
    }
    sum /= total;
    if (AXIS == 1u) {
      sum = (sum - mean) / deviation;
    } else {
      y[4u * i + 3u] = 0.0;
    }
    let out = select(4u, 3u, AXIS == 1u) * i;
    y[out] = sum.r;
    y[out + 1u] = sum.g;
    y[out + 2u] = sum.b;
    row += step_rows;
    column += step_columns;
    if (column >= size) {
      column -= size;
      row++;
    }
  }
}
