"""Pictures that no camera took: with the spectrum, the mean, the deviation and the correlation of colours of natural ones."""
import numpy

# Of ImageNet's pixels in [0, 1], rounded: what networks expect.
MEAN = numpy.array([0.46, 0.44, 0.40])
DEVIATION = 0.25
# Red, green and blue have most of their variation in common.
COMMON = 0.95


def natural_pictures(count, height, width, seed, channels=3):
    """`count` pictures [channels, height, width] in [0, 1], float32. The amplitude falls with the frequency, as in photographs."""
    generator = numpy.random.default_rng(seed)
    rows = numpy.fft.fftfreq(height)[:, None] * height
    columns = numpy.fft.fftfreq(width)[None, :] * width
    amplitude = 1 / numpy.maximum(numpy.hypot(rows, columns), 1)

    def field():
        spectrum = numpy.fft.fft2(generator.standard_normal((height, width))) * amplitude
        values = numpy.fft.ifft2(spectrum).real
        return (values - values.mean()) / values.std()

    pictures = []
    for _ in range(count):
        common, brightness = field(), 0.08 * generator.standard_normal()
        mean = numpy.resize(MEAN, channels) if channels > 1 else MEAN.mean(keepdims=True)
        planes = [
            mean[c] + brightness + DEVIATION * (numpy.sqrt(COMMON) * common + numpy.sqrt(1 - COMMON) * field())
            for c in range(channels)
        ]
        pictures.append(numpy.clip(numpy.stack(planes), 0, 1))
    return numpy.stack(pictures).astype(numpy.float32)


def prepared(pictures, preprocessing):
    """Pixels in [0, 1] as the network takes them: (scale x − mean) / std, in its order of channels."""
    scale, mean, std = preprocessing["scale"], preprocessing["mean"], preprocessing["std"]
    if preprocessing["channels"] == "bgr":
        pictures = pictures[:, ::-1]
    shape = (1, len(mean), 1, 1)
    return ((scale * pictures - numpy.reshape(mean, shape)) / numpy.reshape(std, shape)).astype(numpy.float32)
