namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// The Python globals of a checkpoint and their replacements. Names of modules that can run code are refused; names that are not known
/// become inert records, on which no tensor may depend.
/// </summary>
internal static class TorchGlobals
{
    // The parts of Python and of the usual packages with which a pickle can run code, read or write files, or reach the network. Nothing
    // is looked up or called here whatever the name is: refusing these tells the user that the file is hostile.
    private static readonly HashSet<string> RefusedPackages =
    [
        "__builtin__", "_ctypes", "_frozen_importlib", "_io", "_pickle", "_posixsubprocess", "_socket", "_thread", "aiohttp", "ast",
        "asyncio", "bdb", "builtins", "cPickle", "cProfile", "cffi", "cloudpickle", "code", "codecs", "codeop", "commands", "compileall",
        "concurrent", "copy_reg", "copyreg", "ctypes", "dill", "distutils", "doctest", "ftplib", "functools", "gc", "http", "httplib", "imp",
        "importlib", "inspect", "io", "ipykernel", "IPython", "joblib", "linecache", "logging", "marshal", "multiprocessing", "nt", "ntpath",
        "numpy", "operator", "os", "pandas", "paramiko", "pdb", "pickle", "pip", "pkg_resources", "pkgutil", "platform", "popen2", "posix",
        "posixpath", "profile", "pty", "pydoc", "requests", "runpy", "setuptools", "shelve", "shlex", "shutil", "signal", "site", "smtplib",
        "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "sysconfig", "tarfile", "tempfile", "test", "threading", "timeit", "torch",
        "torchvision", "trace", "types", "unittest", "urllib", "urllib2", "urllib3", "uuid", "venv", "weakref", "webbrowser", "xmlrpc", "zipfile",
        "zipimport",
    ];

    private static readonly string[] DataTypes =
    [
        "bool", "uint8", "int8", "int16", "short", "int32", "int", "int64", "long", "float16", "half", "bfloat16", "float32", "float",
        "float64", "double", "complex64", "complex128",
    ];

    /// <summary>Modules whose classes, known here or not, become records of their attributes: networks and their configurations.</summary>
    private static readonly string[] RecordModules =
    [
        "__torch__", "torch.nn", "torch.optim", "dall_e", "dalle", "dalle_pytorch", "taming", "clip", "pytorch_lightning", "lightning",
        "omegaconf", "packaging",
    ];

    private static readonly Dictionary<string, Func<PickleGlobal, object?[], object?>> Known = new()
    {
        ["collections.OrderedDict"] = Dictionary,
        ["collections.defaultdict"] = Dictionary,
        ["__builtin__.dict"] = Dictionary,
        ["builtins.dict"] = Dictionary,
        ["__builtin__.set"] = Argument,
        ["builtins.set"] = Argument,
        ["__builtin__.frozenset"] = Argument,
        ["builtins.frozenset"] = Argument,
        ["__builtin__.list"] = Argument,
        ["builtins.list"] = Argument,
        ["_codecs.encode"] = NumpyScalar.Encode,
        ["numpy.dtype"] = Record,
        ["numpy.core.multiarray.scalar"] = NumpyScalar.Create,
        ["numpy._core.multiarray.scalar"] = NumpyScalar.Create,
        ["argparse.Namespace"] = Record,
        ["pathlib.PosixPath"] = Record,
        ["typing.Any"] = Record,
        ["torch.device"] = Record,
        ["torch.Size"] = Argument,
        ["torch.jit._pickle.build_boollist"] = Argument,
        ["torch.jit._pickle.build_doublelist"] = Argument,
        ["torch.jit._pickle.build_intlist"] = Argument,
        ["torch.jit._pickle.build_tensorlist"] = Argument,
        ["torch.jit._pickle.restore_type_tag"] = Argument,
        ["torch._utils._rebuild_parameter"] = Argument,
        ["torch._utils._rebuild_tensor"] = Tensor,
        ["torch._utils._rebuild_tensor_v2"] = Tensor,
    };

    /// <exception cref="InvalidDataException">The name can run code.</exception>
    public static PickleGlobal Find(string module, string name)
    {
        var fullName = $"{module}.{name}";
        if (Known.TryGetValue(fullName, out var create))
            return new PickleGlobal(fullName, create);
        var isRecord = RecordModules.Any(known => module == known || module.StartsWith(known + ".", StringComparison.Ordinal));
        if (TorchStorages.Types.ContainsKey(fullName) || isRecord && !name.Contains('.') || module == "torch" && DataTypes.Contains(name))
            return new PickleGlobal(fullName, Record);
        if (!RefusedPackages.Contains(module.Split('.')[0]) && !name.Contains('.'))
            return new PickleGlobal(fullName, Record) { IsKnown = false };
        throw new InvalidDataException($"its pickle asks for '{fullName}', which is not on the list of names allowed in a checkpoint. "
            + "Nothing was executed. If you trust the file, save its weights as safetensors with the code that made it.");
    }

    private static OrderedDictionary<string, object?> Dictionary(PickleGlobal global, object?[] arguments) => [];

    private static object? Argument(PickleGlobal global, object?[] arguments) => arguments is [var first, ..] ? first : new List<object?>();

    private static PickleRecord Record(PickleGlobal global, object?[] arguments) => new(global, arguments);

    /// <summary>(storage, start, shape, strides, and what matters to training).</summary>
    private static StoredTensor Tensor(PickleGlobal global, object?[] arguments) =>
        arguments is [Storage storage, long start, object?[] shape, object?[] strides, ..]
            ? new StoredTensor(storage, Sizes(shape), start, Sizes(strides))
            : throw new InvalidDataException($"its pickle calls '{global.Name}' without a storage, a start, a shape and strides.");

    private static long[] Sizes(object?[] sizes) =>
        Array.ConvertAll(sizes, size => size as long? ?? throw new InvalidDataException("its pickle has a tensor whose sizes are not numbers."));
}
