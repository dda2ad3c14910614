// augment_normalise — images from bytes to normalised numbers, otherwise unchanged: for evaluation.
//
//   y[b,p,c] = (image[b,p,c] / 255 − mean[c]) / std[c]
//
//   images  u32[batch, words]         RGB bytes of `pixels` pixels (rgb_bytes)
//   y       f32[batch, pixels, 3]
//
// One thread per pixel.
//
// Source: torchvision 0.14.1, to_tensor and normalize.

const WG: u32 = 64; // threads per workgroup

struct Params {
  batch: u32,
  words: u32,
  pixels: u32,
  mean_r: f32,
  mean_g: f32,
  mean_b: f32,
  std_r: f32,
  std_g: f32,
  std_b: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> images: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let i = linear_workgroup(group, groups) * WG + thread;
  if (i >= params.batch * params.pixels) {
    return;
  }
  let b = i / params.pixels;
  let pixel = i - b * params.pixels;
  let word = b * params.words + rgb_word(pixel);
  let next = min(word + 1u, params.batch * params.words - 1u);
  let rgb = rgb_bytes(pixel, images[word], images[next]) / 255.0;
  let mean = vec3<f32>(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3<f32>(params.std_r, params.std_g, params.std_b);
  let normal = (rgb - mean) / deviation;
  y[3u * i] = normal.r;
  y[3u * i + 1u] = normal.g;
  y[3u * i + 2u] = normal.b;
}
