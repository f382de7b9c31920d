// Specification 4's own text, word for word.
// hooks/useChatWebSocket.ts
import { useEffect, useState, useCallback, useRef } from 'react';
import { ChatMessage, User, AgentStatus } from '../types/chat';

interface WebSocketMessage {
  type: string;
  data: any;
}

export const useChatWebSocket = (userId: string, role: string) => {
  const [connected, setConnected] = useState(false);
  const [messages, setMessages] = useState<ChatMessage[]>([]);
  const [users, setUsers] = useState<User[]>([]);
  const [agentStatuses, setAgentStatuses] = useState<AgentStatus[]>([]);
  const [error, setError] = useState<string | null>(null);
  
  const ws = useRef<WebSocket | null>(null);
  const reconnectAttempts = useRef(0);
  const maxReconnectAttempts = 5;
  
  const connect = useCallback(() => {
    try {
      ws.current = new WebSocket('ws://localhost:8081');
      
      ws.current.onopen = () => {
        console.log('WebSocket connected');
        setConnected(true);
        setError(null);
        reconnectAttempts.current = 0;
        
        // Send authentication
        ws.current?.send(JSON.stringify({
          type: 'auth',
          data: { userId, role }
        }));
      };
      
      ws.current.onmessage = (event) => {
        try {
          const message: WebSocketMessage = JSON.parse(event.data);
          handleMessage(message);
        } catch (err) {
          console.error('Error parsing message:', err);
        }
      };
      
      ws.current.onclose = () => {
        console.log('WebSocket disconnected');
        setConnected(false);
        
        // Attempt reconnection
        if (reconnectAttempts.current < maxReconnectAttempts) {
          reconnectAttempts.current++;
          setTimeout(() => {
            console.log(`Reconnection attempt ${reconnectAttempts.current}`);
            connect();
          }, 1000 * reconnectAttempts.current);
        } else {
          setError('Connection lost. Please refresh the page.');
        }
      };
      
      ws.current.onerror = (error) => {
        console.error('WebSocket error:', error);
        setError('Connection error occurred');
      };
      
    } catch (err) {
      console.error('Error creating WebSocket:', err);
      setError('Failed to connect to server');
    }
  }, [userId, role]);
  
  const handleMessage = useCallback((message: WebSocketMessage) => {
    switch (message.type) {
      case 'auth_response':
        if (message.data.success) {
          console.log('Authentication successful');
          // Load initial data
          setUsers(message.data.agents?.map((id: string) => ({
            id,
            role: 'unknown',
            status: 'online' as const
          })) || []);
        } else {
          setError('Authentication failed');
        }
        break;
        
      case 'message':
      case 'agent_response':
        const chatMessage: ChatMessage = {
          id: message.data.id,
          text: message.data.text,
          sender: message.data.sender,
          timestamp: new Date(message.data.timestamp),
          mentions: message.data.mentions || [],
          isCommand: message.data.isCommand || false,
          replyTo: message.data.replyTo
        };
        
        setMessages(prev => [...prev, chatMessage]);
        break;
        
      case 'user_presence':
        setUsers(prev => prev.map(user => 
          user.id === message.data.userId
            ? { ...user, status: message.data.status, lastSeen: new Date(message.data.timestamp) }
            : user
        ));
        break;
        
      case 'status_update':
        setAgentStatuses(prev => {
          const existing = prev.find(s => s.userId === message.data.userId);
          const updated: AgentStatus = {
            userId: message.data.userId,
            status: message.data.status,
            currentTask: message.data.currentTask,
            progress: message.data.progress
          };
          
          if (existing) {
            return prev.map(s => s.userId === message.data.userId ? updated : s);
          } else {
            return [...prev, updated];
          }
        });
        break;
        
      case 'error':
        setError(message.data.message);
        break;
        
      case 'pong':
        // Handle ping/pong for connection health
        break;
        
      default:
        console.warn('Unknown message type:', message.type);
    }
  }, []);
  
  const sendMessage = useCallback((text: string, mentions: string[] = [], replyTo?: number) => {
    if (!connected || !ws.current) {
      setError('Not connected to server');
      return false;
    }
    
    const message = {
      type: 'message',
      data: {
        id: Date.now(),
        text,
        mentions,
        replyTo
      }
    };
    
    try {
      ws.current.send(JSON.stringify(message));
      return true;
    } catch (err) {
      console.error('Error sending message:', err);
      setError('Failed to send message');
      return false;
    }
  }, [connected]);
  
  const disconnect = useCallback(() => {
    if (ws.current) {
      ws.current.close();
      ws.current = null;
    }
    setConnected(false);
  }, []);
  
  // Ping/pong for connection health
  useEffect(() => {
    if (!connected) return;
    
    const interval = setInterval(() => {
      if (ws.current?.readyState === WebSocket.OPEN) {
        ws.current.send(JSON.stringify({ type: 'ping' }));
      }
    }, 30000); // Ping every 30 seconds
    
    return () => clearInterval(interval);
  }, [connected]);
  
  // Connect on mount
  useEffect(() => {
    connect();
    return () => disconnect();
  }, [connect, disconnect]);
  
  return {
    connected,
    messages,
    users,
    agentStatuses,
    error,
    sendMessage,
    connect,
    disconnect
  };
};
