import Core
import Dispatch
import Engine
import Models
import Store

/// The model registry, on a queue of its own: who asks for a model's page does not wait for a fit.
actor RegistryKeeper {
    private nonisolated let executor = QueueExecutor(label: "roost.registry", qos: .utility)
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let registry: ModelRegistry
    private let log: Log

    init(_ registry: consuming ModelRegistry, log: Log) {
        self.registry = registry
        self.log = log
    }

    /// Makes what is shown agree with what is in force: candidates whose verdict a crash kept from the journal
    /// were never used.
    func reconcile(_ ledger: Ledger) {
        do throws(DatabaseError) {
            for name in try registry.names() {
                let state = ledger.models[name] ?? Ledger.ModelState()
                for version in try registry.disown(name, after: state.version) {
                    log.warning("models: \(name)@\(version) is not in the journal and not in use")
                }
            }
        } catch {
            log.error("models: the registry could not be held against the journal: \(error)")
        }
    }

    /// Keeps a candidate, before its verdict is journaled: what a crash leaves without a record is fitted again
    /// under the same version.
    ///
    /// - Parameter completion: is called when it is kept, or was not, which is logged.
    nonisolated func keep(
        _ candidate: FittedCandidate, versions: Int, completion: @escaping @Sendable () -> Void
    ) {
        executor.queue.async {
            self.assumeIsolated { $0.store(candidate, versions) }
            completion()
        }
    }

    private func store(_ candidate: FittedCandidate, _ versions: Int) {
        let view = candidate.view
        do throws(DatabaseError) {
            try registry.store(
                view, bytes: candidate.bytes, record: 0, keep: versions,
                inUse: candidate.order.previousVersion)
        } catch {
            log.error("models: \(view.name)@\(view.version) was not registered: \(error)")
        }
    }

    /// A version that was adopted, as it was; nil where it is not kept or was refused.
    func bytes(of name: String, version: Int) -> [UInt8]? {
        do throws(DatabaseError) { return try registry.bytes(of: name, version: version) } catch {
            log.error("models: the registry could not be read: \(error)")
            return nil
        }
    }

    /// What drift of a version is told from.
    ///
    /// - Parameter completion: is called with nil where the version is not kept.
    nonisolated func former(
        of name: String, version: Int, completion: @escaping @Sendable (FormerFit?) -> Void
    ) {
        executor.queue.async {
            completion(self.assumeIsolated { $0.former(of: name, version) })
        }
    }

    private func former(of name: String, _ version: Int) -> FormerFit? {
        guard version > 0, let view = history(of: name).first(where: { $0.version == version }) else {
            return nil
        }
        return FormerFit(
            profile: view.parameters["inputs"].flatMap { InputProfile(Tree($0)) },
            model: bytes(of: name, version: version) ?? [], fittedAt: view.fittedAt.microseconds,
            dataTo: view.dataTo?.microseconds)
    }

    /// One parameter of a candidate.
    ///
    /// - Parameter completion: is called with nil where the candidate is not kept or has none of that name.
    nonisolated func parameter(
        _ key: String, of name: String, version: Int, completion: @escaping @Sendable (JSONValue?) -> Void
    ) {
        executor.queue.async {
            completion(
                self.assumeIsolated { keeper in
                    keeper.history(of: name).first { $0.version == version }?.parameters[key]
                })
        }
    }

    func history(of name: String) -> [ModelView] {
        do throws(DatabaseError) { return try registry.history(of: name) } catch {
            log.error("models: the registry could not be read: \(error)")
            return []
        }
    }
}
