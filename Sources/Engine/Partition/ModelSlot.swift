import Core
import Models

/// The model of a kind that is in use in a partition, if any.
struct ModelSlot<Model: StoredModel> {
    private(set) var model: Model?
    private(set) var version = 0
    private var bytes: [UInt8] = []

    init() {}

    /// Asked at every event: looking at the model itself would copy it.
    var isFitted: Bool { version != 0 }

    /// What triggers and pages call it: `churn@3`.
    var label: String { "\(Model.name)@\(version)" }

    mutating func adopt(_ bytes: [UInt8], version: Int) throws(StateError) {
        do { model = try Model(bytes: bytes) } catch {
            throw StateError("\(Model.name)@\(version) does not read back: \(error.reason)")
        }
        self.version = version
        self.bytes = bytes
    }

    func write(to out: inout ByteWriter) {
        out.put(UInt64(version))
        out.put(bytes)
    }

    init(from input: inout ByteReader) throws(StateError) {
        let version = try input.getSize()
        let bytes = try input.getBlob()
        if !bytes.isEmpty { try adopt(bytes, version: version) }
    }
}
