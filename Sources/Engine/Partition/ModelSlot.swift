import Core
import Models

/// The model of a kind that is in use in a partition, if any.
struct ModelSlot<Model: StoredModel> {
    private(set) var model: Model?
    private(set) var version = 0
    private var bytes: [UInt8] = []
    /// The latest version that was ever in use, and how often an earlier one was put back.
    private var newest = 0
    private var returns = 0

    init() {}

    /// Asked at every event: looking at the model itself would copy it.
    @inline(__always)
    var isFitted: Bool { version != 0 }

    /// What triggers and pages call it: `churn@3`.
    var label: String { "\(Model.name)@\(version)" }

    /// - Parameter decoded: what the bytes are, where that is known already.
    mutating func adopt(_ bytes: [UInt8], version: Int, decoded: Model? = nil) throws(StateError) {
        do throws(CodingFailure) { model = if let decoded { decoded } else { try Model(bytes: bytes) } } catch
        {
            throw StateError("\(Model.name)@\(version) does not read back: \(error.reason)")
        }
        if version <= newest { returns += 1 } else { newest = version }
        self.version = version
        self.bytes = bytes
    }

    /// Tells this adoption from all others: a version may be put back at an instant at which it was in use.
    var occurrence: Int { returns << 20 + version }

    /// The model where it is the one of these bytes.
    func model(of bytes: [UInt8]) -> Model? { self.bytes == bytes ? model : nil }

    /// Takes the memory of an equal model in place of its own.
    mutating func share(with other: ModelSlot) {
        guard let model = other.model(of: bytes) else { return }
        self.model = model
        bytes = other.bytes
    }

    func write(to out: inout ByteWriter) {
        for number in [version, newest, returns] { out.put(UInt64(number)) }
        out.put(bytes)
    }

    init(from input: inout ByteReader) throws(StateError) {
        let version = try input.getSize()
        let newest = try input.getSize()
        let returns = try input.getSize()
        let bytes = try input.getBlob()
        if !bytes.isEmpty { try adopt(bytes, version: version) }
        self.newest = newest
        self.returns = returns
    }
}
