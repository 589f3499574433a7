import Core
import Glibc
import Wire

/// Seconds and events of the stages that `decodeBench` times.
private struct Stages {
    var lines = 0
    var events = 0
    var encodedBytes = 0
    var frame = 0.0
    var decode = 0.0
    var seal = 0.0
    var encode = 0.0
    var decodeEncoded = 0.0
}

/// Decodes a log of lines as a connection would, and prints what each stage costs an event: lines to
/// batch, seal, batch to journal bytes, and back.
func decodeBench(file: String) {
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else {
        print("cannot open \(file): errno \(errno)")
        return
    }
    defer { close(descriptor) }
    var settings = Settings()
    settings.limits.readBytes = 256 << 10
    let limits = settings.limits
    var framer = LineFramer(
        readBytes: limits.readBytes, lineBytes: limits.lineBytes, keptBytes: limits.deadLetterBytes)
    var decoder = EventDecoder(settings: settings)
    var stages = Stages()
    var ended = false
    var isStreamStart = true
    while !ended {
        let start = seconds()
        let count = framer.withFreeSpace { read(descriptor, $0.baseAddress, $0.count) }
        ended = count <= 0
        if ended { framer.finish() } else { framer.received(count) }
        stages.frame += seconds() - start
        while let piece = framer.next() {
            guard case .lines(let slab) = piece else { continue }
            measure(slab, isStreamStart, &decoder, &stages)
            framer.consume(slab.count)
            isStreamStart = false
        }
    }
    report(stages)
}

private func measure(
    _ slab: UnsafeRawBufferPointer, _ isStreamStart: Bool, _ decoder: inout EventDecoder,
    _ stages: inout Stages
) {
    var at = 0
    while at < slab.count {
        let begin = seconds()
        var decoded = decoder.decode(
            slab: UnsafeRawBufferPointer(rebasing: slab[at...]), isStreamStart: isStreamStart && at == 0)
        let afterDecode = seconds()
        decoded.batch.seal(key: HashKey(k0: 1, k1: 2))
        let afterSeal = seconds()
        var bytes: [UInt8] = []
        EventBatchCodec.encode(decoded.batch, into: &bytes)
        let afterEncode = seconds()
        var again = 0
        do {
            again = try bytes.withUnsafeBytes { bytes throws(CodecError) in
                try EventBatchCodec.decode(bytes).rows.count
            }
        } catch {
            preconditionFailure("the codec cannot read what it wrote: \(error)")
        }
        let end = seconds()
        precondition(again == decoded.batch.rows.count)
        stages.lines += Int(decoded.batch.lineCount)
        stages.events += decoded.batch.rows.count
        stages.encodedBytes += bytes.count
        stages.decode += afterDecode - begin
        stages.seal += afterSeal - afterDecode
        stages.encode += afterEncode - afterSeal
        stages.decodeEncoded += end - afterEncode
        at += decoded.consumed
    }
}

private func report(_ stages: Stages) {
    print("lines \(stages.lines) events \(stages.events)")
    let events = Double(max(stages.events, 1))
    print("journal bytes an event: \(rounded(Double(stages.encodedBytes) / events))")
    for (name, time) in [
        ("read", stages.frame), ("decode", stages.decode), ("seal", stages.seal), ("encode", stages.encode),
        ("decode-from-codec", stages.decodeEncoded),
    ] {
        print("\(name): \(Int(events / max(time, 1e-9))) events/s, \(rounded(time * 1e9 / events)) ns/event")
    }
}

private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

private func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
