import Core
import Glibc
import Models

/// The fitting child, started by the daemon itself: reads its request from shared memory, answers on
/// standard output.
let fitCommand = Command(
    name: "fit", summary: "Fits a model; run by the daemon.",
    options: [Option("--memory", "BYTES", "Most address space it may take.")], isHidden: true
) { arguments in
    setpriority(__priority_which_t(0), 0, 19)
    if let text = arguments.text("--memory"), let bytes = UInt(text) {
        var bound = rlimit(rlim_cur: bytes, rlim_max: bytes)
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_AS.rawValue)), &bound)
    }
    var info = stat()
    guard fstat(FitChild.requestDescriptor, &info) == 0, info.st_size > 0 else {
        throw UsageError("the request is missing: this command is for the daemon")
    }
    let size = Int(info.st_size)
    let base = mmap(nil, size, PROT_READ, MAP_SHARED, FitChild.requestDescriptor, 0)
    guard let base, base != MAP_FAILED else { throw UsageError("the request cannot be mapped") }
    let clock = SystemTime()
    let begin = clock.monotonic()
    let answer = Models.fit(request: UnsafeRawBufferPointer(start: base, count: size)) {
        clock.monotonic() - begin
    }
    try File(borrowing: 1).write(answer)
    return ExitCode.done
}
