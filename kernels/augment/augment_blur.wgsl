// augment_blur — a Gaussian blur, along the rows and then along the columns, and normalisation.
//
//   half[i,j] = Σ_k g(k) · y[i, reflect(j + k)] / Σ_k g(k)      g(k) = exp(−k² / 2σ²), |k| ≤ radius
//   y[i,j]    = (Σ_k g(k) · half[reflect(i + k), j] / Σ_k g(k) − mean) / std
//
//   draws  Draw[batch]                    σ, as a share of the side
//   y      f32[batch, size, size, 3]      red, green, blue; updated
//   half   vec4<f32>[batch, size, size]   for its own use: what is blurred along the rows, and 0
//
// Reflected about the outermost pixels, which are not repeated; so radius < size. One workgroup
// per image, so that a barrier of its own stands between the two directions; threads stride over
// the pixels by WG.
//
// The weights follow from each other, g(k+1) = g(k) · f(k) with f(k+1) = f(k) · g(1)², so there is
// one exponential per thread. A relative error ε of g(1) becomes k² · ε of g(k), so at most 2σ²/e
// · ε of the middle weight. A σ under 0.001 pixels counts as that much and blurs nothing.
//
// Source: torchvision 0.14.1, gaussian_blur (padding "reflect") and normalize.

const WG: u32 = 64; // threads per image
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
@group(0) @binding(1) var<storage, read> draws: array<Draw>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> half: array<vec4<f32>>;

// A pixel before either direction, or between them.
fn pixel(at: u32, between: bool) -> vec3<f32> {
  if (between) { return half[at].rgb; }
  return vec3<f32>(y[3u * at], y[3u * at + 1u], y[3u * at + 2u]);
}

// The pixel at place `at` of a line that begins at `line`, blurred along it.
fn blurred(line: u32, stride: u32, at: u32, g1: f32, between: bool) -> vec3<f32> {
  var sum = pixel(line + at * stride, between);
  var total = 1.0;
  var weight = 1.0;
  var factor = g1;
  var k = 1u;
  loop {
    weight *= factor;
    factor *= g1 * g1;
    let before = u32(abs(i32(at) - i32(k)));
    let after = min(at + k, 2u * (params.size - 1u) - at - k);
    let two = pixel(line + before * stride, between) + pixel(line + after * stride, between);
    sum += weight * two;
    total += 2.0 * weight;
    continuing {
      k++;
      break if k > params.radius;
    }
  }
  return sum / total;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let b = linear_workgroup(group, groups);
  if (b >= params.batch) {
    return; // uniform over the workgroup
  }
  let size = params.size;
  let image = b * size * size;
  let sigma = draws[b].sigma * f32(size);
  let g1 = exp(-0.5 / max(sigma * sigma, LEAST_VARIANCE));
  let step_rows = WG / size;
  let step_columns = WG % size;
  var column = thread % size;
  for (var p = thread; p < size * size; p += WG) {
    half[image + p] = vec4<f32>(blurred(image + p - column, 1u, column, g1, false), 0.0);
    column += step_columns;
    column -= select(0u, size, column >= size);
  }
  storageBarrier();
  let mean = vec3<f32>(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3<f32>(params.std_r, params.std_g, params.std_b);
  var row = thread / size;
  column = thread % size;
  for (var p = thread; p < size * size; p += WG) {
    let normal = (blurred(image + column, size, row, g1, true) - mean) / deviation;
    let out = 3u * (image + p);
    y[out] = normal.r;
    y[out + 1u] = normal.g;
    y[out + 2u] = normal.b;
    row += step_rows;
    column += step_columns;
    if (column >= size) {
      column -= size;
      row++;
    }
  }
}
