import Core

/// `roost bench decode`: what each stage costs an event, lines to batch, seal, batch to journal bytes and
/// back.
func decodeBench(_ request: BenchRequest) throws -> Int32 {
    var baseline = request.baseline.map { Baseline($0, "sj_extract", [request.file, "line"]) }
    try baseline?.run()
    let clock = SystemTime()
    var reader = try BatchReader(request.file, Settings())
    var events: Int64 = 0
    var encodedBytes: Int64 = 0
    var seal: Int64 = 0
    var encode: Int64 = 0
    var decodeAgain: Int64 = 0
    var bytes: [UInt8] = []
    try reader.forEach { batch in
        let begin = clock.monotonic()
        batch.seal(key: HashKey(k0: 1, k1: 2))
        let sealed = clock.monotonic()
        bytes.removeAll(keepingCapacity: true)
        EventBatchCodec.encode(batch, into: &bytes)
        let encoded = clock.monotonic()
        let again = try bytes.withUnsafeBytes { bytes throws(CodecError) in
            try EventBatchCodec.decode(bytes).rows.count
        }
        decodeAgain += clock.monotonic() - encoded
        encode += encoded - sealed
        seal += sealed - begin
        precondition(again == batch.rows.count, "the codec read other rows than it wrote")
        events += Int64(batch.rows.count)
        encodedBytes += Int64(bytes.count)
    }
    try baseline?.run()

    var figures = Figures()
    figures.add("lines", count: reader.lines)
    figures.add("events", count: events)
    for (name, time) in [
        ("read", reader.readMicroseconds), ("decode", reader.decodeMicroseconds), ("seal", seal),
        ("encode", encode), ("decode encoded", decodeAgain),
    ] { figures.add(name, count: events, in: time) }
    figures.add("journal", "\(Figures.each(encodedBytes, events)) bytes an event")
    let rate = Double(events) * 1e6 / Double(max(1, reader.decodeMicroseconds))
    baseline?.compare(rate: rate, processor: nil, aim: 0.6, &figures)
    try figures.print()
    return ExitCode.done
}
