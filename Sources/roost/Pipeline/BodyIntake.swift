import Core
import Synchronization
import Wire

/// Takes the lines of an HTTP body as a connection would take them.
struct BodyIntake {
    let settings: Settings
    let key: HashKey
    let intake: any Intake
    let time: any TimeSource

    func take(_ body: [UInt8], gzip: Bool) async throws(StatusFailure) -> IngestAnswer {
        let lines = gzip ? try unpack(body) : body
        var batches = decode(lines)
        guard !batches.isEmpty else { return IngestAnswer(accepted: 0, rejected: []) }
        var answer = IngestAnswer(accepted: 0, rejected: [])
        var base: UInt32 = 0
        for index in batches.indices {
            batches[index].seal(key: key)
            let count = batches[index].lineCount
            let receipt = await submit(batches[index])
            guard case .committed(_, let rejections, let accepted) = receipt else {
                throw StatusFailure(
                    httpStatus: 503, code: "closing",
                    detail: "the daemon is stopping; \(base) lines were taken before")
            }
            answer.accepted += accepted
            for rejection in rejections {
                var moved = rejection
                moved.line += base
                answer.rejected.append(moved)
            }
            base += count
        }
        return answer
    }

    private func submit(_ batch: EventBatch) async -> Receipt {
        await withCheckedContinuation { continuation in
            intake.submit(Submission(batch: batch, producer: nil, firstLine: 0)) {
                continuation.resume(returning: $0)
            }
        }
    }

    private func unpack(_ body: [UInt8]) throws(StatusFailure) -> [UInt8] {
        var lines: [UInt8] = []
        do throws(GunzipError) {
            var gunzip = try Gunzip(limit: settings.limits.httpBodyBytes)
            try body.withUnsafeBufferPointer { (raw) throws(GunzipError) in
                try gunzip.unpack(UnsafeRawBufferPointer(raw)) { lines.append(contentsOf: $0) }
            }
            try gunzip.finish()
        } catch .tooLarge {
            throw StatusFailure(
                httpStatus: 413, code: "body_too_large",
                detail: "unpacked, the body is larger than limits.http_body_bytes")
        } catch {
            throw StatusFailure(
                httpStatus: 400, code: "bad_gzip", detail: "the body does not unpack: \(error)")
        }
        return lines
    }

    /// Control lines make no sense here and are refused as lines.
    private func decode(_ lines: [UInt8]) -> [EventBatch] {
        var batches: [EventBatch] = []
        var decoder = EventDecoder(settings: settings)
        var framer = LineFramer(
            readBytes: settings.limits.readBytes, lineBytes: settings.limits.lineBytes,
            keptBytes: settings.limits.deadLetterBytes)
        var isStart = true
        func take() {
            while let piece = framer.next() {
                switch piece {
                case .tooLong(let prefix, let length):
                    batches.append(
                        Self.refused(.lineTooLong, "the line has \(length) bytes", prefix, bytes: length + 1))
                case .lines(let slab):
                    var decoded = decoder.decode(slab, streamStart: isStart)
                    if settings.clock.mode == .wall {
                        decoded.batch.refuseFuture(
                            after: EventTime(
                                microseconds: time.wall().microseconds + settings.clock.maxFutureSkew),
                            lines: slab, keptBytes: settings.limits.deadLetterBytes)
                    }
                    if !decoded.batch.isEmpty { batches.append(decoded.batch) }
                    var consumed = decoded.consumed
                    if case .control(let range) = decoded.stop {
                        batches.append(
                            Self.refused(
                                .badField, "control lines belong on the ingest port", Array(slab[range]),
                                bytes: range.count + 1))
                        consumed = min(range.upperBound + 1, slab.count)
                    }
                    framer.consume(consumed)
                }
                isStart = false
            }
        }
        var offset = 0
        while offset < lines.count {
            let count = framer.withFreeSpace { space in
                let count = min(space.count, lines.count - offset)
                lines.withUnsafeBytes {
                    space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + count]))
                }
                return count
            }
            framer.received(count)
            offset += count
            take()
        }
        framer.finish()
        take()
        return batches
    }

    private static func refused(
        _ code: RejectionCode, _ detail: String, _ raw: [UInt8], bytes: Int
    ) -> EventBatch {
        var batch = EventBatch()
        batch.lineCount = 1
        batch.byteCount = bytes
        batch.rejections = [Rejection(line: 0, code: code, detail: detail, raw: raw)]
        return batch
    }
}
