using Microsoft.ML;
using Microsoft.ML.Transforms.Image;

[assembly: ModelLoader<ImageLoadingTransformer>]
[assembly: ModelLoader<ImageResizingTransformer>]
[assembly: ModelLoader<ImageGrayscalingTransformer>]
[assembly: ModelLoader<ImagePixelExtractingTransformer>]
[assembly: ModelLoader<VectorToImageConvertingTransformer>]
