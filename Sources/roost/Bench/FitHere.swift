import Models

/// A fit in this process instead of in a child.
///
/// - Throws: where there is no model, with the reason.
func fitHere(_ request: FitRequest, _ what: String) throws -> FitResult.Candidate {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: request.byteCount, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    request.fill(memory)
    switch try FitResult(bytes: fit(request: UnsafeRawBufferPointer(memory))) {
    case .fitted(let candidate): return candidate
    case .refused(let reason): throw CommandFailure("no \(what): \(reason)")
    }
}
