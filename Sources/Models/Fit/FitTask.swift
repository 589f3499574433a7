/// One kind of fit as the child is asked for it: configuration, seed, the model in use, columns.
///
/// A request is little endian: a head of fields, then columns of plain numbers, each at a multiple of 8 from
/// the beginning, so that the child reads them in place from the mapped file. The columns of a task point into
/// the bytes it was read from, which must outlive it.
protocol FitTask {
    /// What the request calls it.
    static var kind: String { get }

    /// Reads what follows the kind, in place.
    init(from reader: inout ByteReader) throws(CodingFailure)

    /// - Parameter elapsed: microseconds since the fit began.
    func candidate(elapsed: () -> Int64) throws(FitRefusal) -> FitResult.Candidate

    func candidate() throws(FitRefusal) -> FitResult.Candidate
}

extension FitTask {
    /// Most fits take no notice of the time.
    func candidate(elapsed: () -> Int64) throws(FitRefusal) -> FitResult.Candidate { try candidate() }
}

/// Every kind of fit there is.
private var fitTasks: [any FitTask.Type] {
    [
        SegmentsTask.self, RepurchaseTask.self, TiersTask.self, LifetimeValueTask.self,
        OutcomeTask<ChurnModel>.self, OutcomeTask<HighIntentModel>.self, DriversTask.self,
        RecommendationsTask.self,
    ]
}

enum RequestHead {
    static let magic: UInt32 = 0x5152_4652  // RFRQ
    static let version: UInt32 = 3
}

/// The one thing the fitting child does: takes the bytes of a `FitRequest`, gives those of a `FitResult`.
///
/// - Parameters:
///   - request: beginning at a multiple of 8; only read. Any bytes at all are answered.
///   - elapsed: microseconds since the fit began, for searches that are bounded by time.
package func fit(request: UnsafeRawBufferPointer, elapsed: () -> Int64 = { 0 }) -> [UInt8] {
    do throws(FitRefusal) {
        return FitResult.fitted(try task(request).candidate(elapsed: elapsed)).bytes
    } catch {
        return FitResult.refused(error.reason).bytes
    }
}

private func task(_ bytes: UnsafeRawBufferPointer) throws(FitRefusal) -> any FitTask {
    var reader = ByteReader(bytes)
    var kind = ""
    do throws(CodingFailure) {
        guard try reader.uint32() == RequestHead.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == RequestHead.version else { throw .badVersion(version) }
        kind = try reader.string()
        if let task = fitTasks.first(where: { $0.kind == kind }) {
            let read = try task.init(from: &reader)
            try reader.finish()
            return read
        }
    } catch {
        throw .malformed(error)
    }
    throw .unknownModel(kind)
}
