/// What the fitting child answers.
package enum FitResult: Sendable, Equatable {
    case fitted(Candidate)
    /// There is no model, and why.
    case refused(String)

    /// A model and what it is to be judged by.
    package struct Candidate: Sendable, Equatable {
        /// Of a `StoredModel`.
        package var model: [UInt8]
        package var evidence: Evidence
        package var metrics: [Tree.Member]
        package var baseline: [Tree.Member]
        package var parameters: [Tree.Member]
    }

    /// What the gate says of it.
    package var verdict: Verdict {
        switch self {
        case .fitted(let candidate): Gate.judge(candidate.evidence)
        case .refused(let reason): .refuse(reason)
        }
    }

    private static let magic: UInt32 = 0x5352_4652  // RFRS
    private static let version: UInt32 = 1

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(FitResult.magic)
        writer.put(FitResult.version)
        switch self {
        case .refused(let reason):
            writer.put(UInt8(0))
            writer.put(reason)
        case .fitted(let candidate):
            writer.put(UInt8(1))
            writer.put(candidate.model)
            candidate.evidence.write(to: &writer)
            Tree.write(candidate.metrics, to: &writer)
            Tree.write(candidate.baseline, to: &writer)
            Tree.write(candidate.parameters, to: &writer)
        }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try FitResult(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == FitResult.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == FitResult.version else { throw .badVersion(version) }
        if try reader.flag() {
            self = .fitted(
                Candidate(
                    model: Array(try reader.blob()), evidence: try Evidence(from: &reader),
                    metrics: try Tree.members(from: &reader), baseline: try Tree.members(from: &reader),
                    parameters: try Tree.members(from: &reader)))
        } else {
            self = .refused(try reader.string())
        }
        try reader.finish()
    }
}

extension Evidence {
    func write(to writer: inout ByteWriter) {
        writer.put(finite)
        writer.put(converged)
        writer.put(heldOut)
        writer.put(baseline)
        writer.put(previous != nil)
        writer.put(previous ?? 0)
        writer.put(tolerance)
    }

    init(from reader: inout ByteReader) throws(CodingFailure) {
        finite = try reader.flag()
        converged = try reader.flag()
        heldOut = try reader.double()
        baseline = try reader.double()
        let known = try reader.flag()
        let value = try reader.double()
        previous = known ? value : nil
        tolerance = try reader.double()
    }
}
